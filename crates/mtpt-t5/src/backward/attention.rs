use std::ops::Range;

use burn::tensor::Tensor;

use crate::model::attention::{KeysValues, SavedAttention, SavedWeights, attention_weights};
use crate::model::attention_blocks::{AttentionBlock, AttentionBlocks, max_scores};
use crate::model::score_bias::ScoreBias;

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
        match weights {
            SavedWeights::Saved(weights) => {
                let saved = SavedAttention { query, keys_values, weights, context };
                saved.backward(gradient, queries, keys)
            }
            SavedWeights::Recomputed(bias) => {
                let max = max_scores(&query.device());
                let saved = SavedAttention { query, keys_values, weights: bias, context };
                saved.backward(&gradient, [queries, keys], max)
            }
        }
    }
}

/// Attention, or a block of it, with its weights.
impl SavedAttention<Tensor<4>> {
    /// Returns the gradients with respect to the first queries, and the first keys and values.
    fn backward(self, gradient: Tensor<4>, queries: usize, keys: usize) -> AttentionGradients {
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

/// Attention whose weights were not saved, with their bias.
impl SavedAttention<ScoreBias> {
    /// Returns the gradients with respect to the first queries, and the first keys and values. The
    /// weights are computed again, in blocks of at most `max` scores.
    fn backward(
        &self,
        gradient: &Tensor<4>,
        [queries, keys]: [usize; 2],
        max: usize,
    ) -> AttentionGradients {
        let [batch, heads, length, _] = self.query.dims();
        let [_, _, all_keys, _] = self.keys_values.keys.dims();
        let blocks = AttentionBlocks::new([batch, heads, length, all_keys], max);
        let of_rows = blocks.rows().iter().map(|rows| {
            let of_block = |queries: &Range<usize>| {
                let block = AttentionBlock { rows: rows.clone(), queries: queries.clone() };
                let gradient = block.of_queries(gradient.clone());
                self.block(&block).backward(gradient, queries.len(), keys)
            };
            let mut of_queries = Vec::new();
            let mut of_keys: Option<[Tensor<4>; 2]> = None;
            for block in blocks.queries().iter().map(of_block) {
                of_queries.push(block.query);
                of_keys = Some(match of_keys {
                    None => [block.key, block.value],
                    Some([key, value]) => [key + block.key, value + block.value],
                });
            }
            let [key, value] = of_keys.expect("invariant: there is a block");
            [Tensor::cat(of_queries, 2), key, value]
        });
        let [mut query, mut key, mut value] = [(); 3].map(|()| Vec::new());
        for [of_query, of_key, of_value] in of_rows {
            query.push(of_query);
            key.push(of_key);
            value.push(of_value);
        }
        let [query, key, value] = [query, key, value].map(|rows| Tensor::cat(rows, 0));
        AttentionGradients { query: query.narrow(2, 0, queries), key, value }
    }

    /// Computes a block of the forward pass again, except for its output.
    fn block(&self, block: &AttentionBlock) -> SavedAttention<Tensor<4>> {
        let query = block.of_queries(self.query.clone());
        let keys_values = KeysValues {
            keys: block.of_keys(self.keys_values.keys.clone()),
            values: block.of_keys(self.keys_values.values.clone()),
        };
        let bias = self.weights.of_block(block);
        let weights = attention_weights(query.clone(), keys_values.keys.clone(), bias);
        let context = block.of_queries(self.context.clone());
        SavedAttention { query, keys_values, weights, context }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Distribution};

    use super::*;

    #[test]
    fn gradients_of_blocks_are_those_of_the_whole() {
        let device = Device::flex();
        device.seed(8);
        let random = |shape| Tensor::<4>::random(shape, Distribution::Default, &device);
        let query = random([3, 2, 260, 4]);
        let keys_values = KeysValues { keys: random([3, 2, 7, 4]), values: random([3, 2, 7, 4]) };
        let bias = random([3, 1, 1, 7]);
        let gradient = random([3, 2, 260, 4]);
        let weights = attention_weights(query.clone(), keys_values.keys.clone(), bias.clone());
        let context = weights.clone().matmul(keys_values.values.clone());
        let saved = |weights| SavedAttention {
            query: query.clone(),
            keys_values: keys_values.clone(),
            weights,
            context: context.clone(),
        };
        let whole = saved(SavedWeights::Saved(weights)).backward(gradient.clone(), 5, 6);
        for max in [1, 14 * 100, 14 * 260 * 2, usize::MAX] {
            let long = SavedAttention {
                query: query.clone(),
                keys_values: keys_values.clone(),
                weights: ScoreBias::Whole(bias.clone()),
                context: context.clone(),
            };
            let found = long.backward(&gradient, [5, 6], max);
            let pairs = [
                (found.query, whole.query.clone()),
                (found.key, whole.key.clone()),
                (found.value, whole.value.clone()),
            ];
            for (found, expected) in pairs {
                assert_eq!(found.dims(), expected.dims());
                let largest = (found - expected).abs().max().into_scalar::<f32>();
                // Sums of 260 values below 1, in another order.
                assert!(largest < 2e-5, "{max}: {largest}");
            }
        }
    }
}
