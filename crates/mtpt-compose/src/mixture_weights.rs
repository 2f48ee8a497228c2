use burn::tensor::Tensor;

/// The trained mixture weights of a task or group.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeWeights {
    /// Node of the [`Tree`](crate::Tree). Without a tree, task `k` is node `k + 1`, as in
    /// [`Tree::flat`](crate::Tree::flat).
    pub node: usize,
    /// The weights.
    pub weights: MixtureWeights,
}

/// Non-negative weights of the prompts in a mixture.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MixtureWeights {
    /// Weights of the parent prompt and of the part of the task or group, which sum to 1.
    ParentAndPart {
        /// Weight of the parent prompt, which is the shared prompt or the group's.
        parent: f64,
        /// Weight of the part of the task or group.
        part: f64,
    },
    /// For each head, the weight of each component of the pool, averaged over positions. The
    /// weights of a head sum to 1.
    Heads(Vec<Vec<f64>>),
}

impl MixtureWeights {
    /// Creates [`ParentAndPart`](Self::ParentAndPart) from a tensor `[1, 2]`, the parent's weight
    /// first.
    pub(crate) fn parent_and_part(weights: Tensor<2>) -> Self {
        let weights = to_vec(weights.reshape([2]));
        Self::ParentAndPart { parent: weights[0], part: weights[1] }
    }
}

/// Copies the values of a tensor to the host.
pub(crate) fn to_vec(tensor: Tensor<1>) -> Vec<f64> {
    tensor.into_data().iter::<f32>().map(f64::from).collect()
}
