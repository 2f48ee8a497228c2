use burn::tensor::Tensor;

use crate::model::attention::{KeysValues, SavedAttention};

/// Gradients with respect to queries, keys and values, with the shapes of these.
pub(super) struct AttentionGradients {
    pub(super) query: Tensor<4>,
    pub(super) key: Tensor<4>,
    pub(super) value: Tensor<4>,
}

impl SavedAttention {
    /// Returns the gradients with respect to the first queries, and the first keys and values.
    ///
    /// For `C = A V` and `A = softmax(S)` with `S = Q Kᵀ + bias`, and the gradient `G` of `C`:
    ///
    /// - `∂S = A ∘ (G Vᵀ - rowsum(G ∘ C))`, since `rowsum(A ∘ G Vᵀ) = rowsum(G ∘ C)`
    /// - `∂Q = ∂S K`, `∂K = ∂Sᵀ Q`, `∂V = Aᵀ G`
    pub(super) fn backward(
        self,
        gradient: Tensor<4>,
        queries: usize,
        keys: usize,
    ) -> AttentionGradients {
        let Self { query, keys_values, weights, context } = self;
        let KeysValues { keys: key, values: value } = keys_values;
        let mean = (gradient.clone() * context).sum_dim(3);
        let of_weights = gradient.clone().matmul(value.swap_dims(2, 3));
        let of_scores = (of_weights - mean) * weights.clone();
        AttentionGradients {
            query: of_scores.clone().narrow(2, 0, queries).matmul(key),
            key: of_scores.narrow(3, 0, keys).swap_dims(2, 3).matmul(query),
            value: weights.narrow(3, 0, keys).swap_dims(2, 3).matmul(gradient),
        }
    }
}
