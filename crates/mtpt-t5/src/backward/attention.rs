use burn::tensor::Tensor;

use crate::model::softmax::softmax;

/// Heads of attention, with what the way back through them needs.
///
/// Scores are not scaled, as T5 has it: `softmax(Q Kᵀ + bias) V`.
pub(super) struct HeadsTrace {
    /// `[batch, heads, queries, width]`
    query: Tensor<4>,
    /// `[batch, heads, keys, width]`
    key: Tensor<4>,
    /// `[batch, heads, keys, width]`
    value: Tensor<4>,
    /// `[batch, heads, queries, keys]`
    weights: Tensor<4>,
    /// `[batch, heads, queries, width]`
    taken: Tensor<4>,
}

/// Gradients with regard to queries, keys and values, each as these.
pub(super) struct HeadsGradients {
    pub(super) query: Tensor<4>,
    pub(super) key: Tensor<4>,
    pub(super) value: Tensor<4>,
}

impl HeadsTrace {
    /// What each query takes, `[batch, heads, queries, width]`.
    ///
    /// # Shapes
    ///
    /// - `bias`: broadcasts to `[batch, heads, queries, keys]`
    pub(super) fn forward(
        query: Tensor<4>,
        key: Tensor<4>,
        value: Tensor<4>,
        bias: Tensor<4>,
    ) -> (Tensor<4>, Self) {
        let scores = query.clone().matmul(key.clone().swap_dims(2, 3)) + bias;
        let weights = softmax(scores);
        let taken = weights.clone().matmul(value.clone());
        (taken.clone(), Self { query, key, value, weights, taken })
    }

    /// Gradients with regard to the first queries, and the first keys and values: those of the others are not needed where they
    /// were made of constants.
    pub(super) fn back(self, gradient: Tensor<4>, queries: usize, keys: usize) -> HeadsGradients {
        let Self { query, key, value, weights, taken } = self;
        // The softmax takes the mean of the gradient away from it, weighted as the values were: this is that mean.
        let mean = (gradient.clone() * taken).sum_dim(3);
        let of_weights = gradient.clone().matmul(value.swap_dims(2, 3));
        let of_scores = (of_weights - mean) * weights.clone();
        HeadsGradients {
            query: of_scores.clone().narrow(2, 0, queries).matmul(key),
            key: of_scores.narrow(3, 0, keys).swap_dims(2, 3).matmul(query),
            value: weights.narrow(3, 0, keys).swap_dims(2, 3).matmul(gradient),
        }
    }
}
