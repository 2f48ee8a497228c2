use burn::tensor::Tensor;

/// Number of rows of a batch, and of tokens in each.
///
/// Inside the stacks hidden states are matrices, `[batch * length, d_model]`, so that a linear
/// layer is one matrix product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchShape {
    pub(crate) batch: usize,
    pub(crate) length: usize,
}

impl BatchShape {
    /// Flattens `[batch, length, width]` to `[batch * length, width]`.
    pub(crate) fn flatten(rows: Tensor<3>) -> (Tensor<2>, Self) {
        let [batch, length, width] = rows.dims();
        (rows.reshape([batch * length, width]), Self { batch, length })
    }

    /// Restores `[batch, length, width]` from `[batch * length, width]`.
    pub(crate) fn unflatten(self, tokens: Tensor<2>) -> Tensor<3> {
        let [_, width] = tokens.dims();
        tokens.reshape([self.batch, self.length, width])
    }

    /// Splits `[batch * length, heads * d_kv]` into `[batch, heads, length, d_kv]`.
    pub(crate) fn split_heads(self, tokens: Tensor<2>, heads: usize) -> Tensor<4> {
        let [_, width] = tokens.dims();
        tokens.reshape([self.batch, self.length, heads, width / heads]).swap_dims(1, 2)
    }

    /// Selects the first tokens of each row, `[batch * count, width]`.
    pub(crate) fn first(self, tokens: Tensor<2>, count: usize) -> Tensor<2> {
        if count == self.length {
            return tokens;
        }
        let [_, width] = tokens.dims();
        self.unflatten(tokens).narrow(1, 0, count).reshape([self.batch * count, width])
    }
}

/// Appends zeros to each row of `[batch, length, width]` up to the given length.
pub(crate) fn pad_rows(rows: Tensor<3>, length: usize) -> Tensor<3> {
    let [batch, found, width] = rows.dims();
    if found == length {
        return rows;
    }
    let (device, dtype) = (rows.device(), rows.dtype());
    let padding = Tensor::zeros([batch, length - found, width], (&device, dtype));
    Tensor::cat(vec![rows, padding], 1)
}

/// Joins `[batch, heads, length, d_kv]` into `[batch * length, heads * d_kv]`.
pub(crate) fn join_heads(heads: Tensor<4>) -> Tensor<2> {
    let [batch, count, length, width] = heads.dims();
    heads.swap_dims(1, 2).reshape([batch * length, count * width])
}
