use burn::tensor::Tensor;

use crate::model::attention::Attention;

/// Number of rows, and of tokens in each.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) batch: usize,
    pub(super) length: usize,
}

impl Rows {
    /// `[batch * length, heads * d_kv]` to `[batch, heads, length, d_kv]`.
    pub(super) fn split(self, layer: &Attention, tokens: Tensor<2>) -> Tensor<4> {
        let [_, inner_dim] = tokens.dims();
        layer.split_heads(tokens.reshape([self.batch, self.length, inner_dim]))
    }

    /// `[batch, heads, length, d_kv]` to `[batch * length, heads * d_kv]`.
    pub(super) fn join(self, layer: &Attention, heads: Tensor<4>) -> Tensor<2> {
        let rows = layer.join_heads(heads);
        let [_, _, inner_dim] = rows.dims();
        rows.reshape([self.batch * self.length, inner_dim])
    }

    /// The first tokens of each row, `[batch * length, width]` to `[batch * first, width]`.
    pub(super) fn first(self, tokens: Tensor<2>, first: usize) -> Tensor<2> {
        if first == self.length {
            return tokens;
        }
        let [_, width] = tokens.dims();
        let rows = tokens.reshape([self.batch, self.length, width]);
        rows.narrow(1, 0, first).reshape([self.batch * first, width])
    }
}
