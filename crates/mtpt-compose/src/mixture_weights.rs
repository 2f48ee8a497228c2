use burn::tensor::Tensor;

/// By what weights the prompt of a task or a group is mixed, where its strategy learns such.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeWeights {
    /// The node of the [`Tree`](crate::Tree); of a composition without one, 0 stands for what all tasks share and `k + 1` for
    /// task `k`, as in [`Tree::flat`](crate::Tree::flat).
    pub node: usize,
    /// The weights.
    pub weights: MixtureWeights,
}

/// Weights that a prompt is mixed by; all are at least 0.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MixtureWeights {
    /// Shares of the prompt above, which is the shared prompt or that of the group, and of the part's own; they add up to 1.
    TwoShares {
        /// Of the prompt above.
        above: f64,
        /// Of the part's own.
        own: f64,
    },
    /// For each head, the share of each component of the pool, the mean over positions; those of a head add up to 1.
    Heads(Vec<Vec<f64>>),
}

impl MixtureWeights {
    /// Of shares that a tensor has, `[1, 2]`: above, then own.
    pub(crate) fn of_two(shares: Tensor<2>) -> Self {
        let shares = numbers(shares.reshape([2]));
        Self::TwoShares { above: shares[0], own: shares[1] }
    }
}

/// The numbers of a tensor, on the host.
pub(crate) fn numbers(tensor: Tensor<1>) -> Vec<f64> {
    tensor.into_data().iter::<f32>().map(f64::from).collect()
}
