use burn::tensor::Tensor;

use crate::model::attention::Attention;
use crate::model::softmax::softmax;

/// Attention of few decoder tokens to many encoded ones, with its products taken in another order.
///
/// The score of a query `q` and an encoded token `x` is `q · (x W_k) = (q W_kᵀ) · x`, and what is taken is
/// `Σ a (x W_v) = (Σ a x) W_v`: with the weights moved to the side of the decoder, each of its tokens costs more by the number of
/// heads, but no encoded token is multiplied with a weight at all. The numbers are the same but for rounding.
pub(crate) struct FewTargets<'a> {
    pub(crate) layer: &'a Attention,
    /// Rows that are encoded.
    pub(crate) rows: usize,
    /// Decoder tokens for each of them.
    pub(crate) targets: usize,
}

/// Whether that order takes fewer multiplications, for so many decoder tokens a row and rows of so many encoded tokens.
pub(crate) fn is_cheaper_for_few(layer: &Attention, targets: usize, length: usize) -> bool {
    let [d_model, inner_dim] = layer.key.weight.dims();
    let heads = layer.num_heads;
    let few = targets * d_model * inner_dim + heads * targets * length * d_model;
    let projected = length * d_model * inner_dim + targets * length * inner_dim;
    few < projected
}

impl FewTargets<'_> {
    /// Queries, `[rows * targets, heads * d_kv]`, as they ask the encoded tokens themselves: `[rows, heads * targets, d_model]`.
    pub(crate) fn ask(&self, queries: Tensor<2>) -> Tensor<3> {
        let asked = self.by_head(queries).matmul(self.key().swap_dims(1, 2));
        self.by_row(asked)
    }

    /// The gradient with regard to the queries.
    pub(crate) fn ask_back(&self, gradient: Tensor<3>) -> Tensor<2> {
        let gradient = self.of_heads(gradient).matmul(self.key());
        self.joined(gradient)
    }

    /// How much each takes of each encoded token, `[rows, heads * targets, length]`.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[rows, length, d_model]`
    /// - `bias`: `[rows, 1, 1, length]`
    pub(crate) fn weigh(&self, asked: Tensor<3>, encoded: Tensor<3>, bias: Tensor<4>) -> Tensor<3> {
        let [rows, length, _] = encoded.dims();
        softmax(asked.matmul(encoded.swap_dims(1, 2)) + bias.reshape([rows, 1, length]))
    }

    /// Sums of encoded tokens, `[rows, heads * targets, d_model]`, as values: `[rows * targets, heads * d_kv]`.
    pub(crate) fn values(&self, taken: Tensor<3>) -> Tensor<2> {
        let taken = self.of_heads(taken).matmul(self.value());
        self.joined(taken)
    }

    /// The gradient with regard to the sums.
    pub(crate) fn values_back(&self, gradient: Tensor<2>) -> Tensor<3> {
        let gradient = self.by_head(gradient).matmul(self.value().swap_dims(1, 2));
        self.by_row(gradient)
    }

    /// `[heads, d_model, d_kv]`
    fn key(&self) -> Tensor<3> {
        self.weight(self.layer.key.weight.val())
    }

    /// `[heads, d_model, d_kv]`
    fn value(&self) -> Tensor<3> {
        self.weight(self.layer.value.weight.val())
    }

    fn weight(&self, weight: Tensor<2>) -> Tensor<3> {
        let [d_model, _] = weight.dims();
        weight.reshape([d_model, self.layer.num_heads, self.layer.d_kv]).swap_dims(0, 1)
    }

    /// `[rows * targets, heads * d_kv]` to `[heads, rows * targets, d_kv]`.
    fn by_head(&self, tokens: Tensor<2>) -> Tensor<3> {
        let count = self.rows * self.targets;
        tokens.reshape([count, self.layer.num_heads, self.layer.d_kv]).swap_dims(0, 1)
    }

    /// `[heads, rows * targets, d_kv]` to `[rows * targets, heads * d_kv]`.
    fn joined(&self, heads: Tensor<3>) -> Tensor<2> {
        let inner_dim = self.layer.num_heads * self.layer.d_kv;
        heads.swap_dims(0, 1).reshape([self.rows * self.targets, inner_dim])
    }

    /// `[heads, rows * targets, d_model]` to `[rows, heads * targets, d_model]`.
    fn by_row(&self, heads: Tensor<3>) -> Tensor<3> {
        let [count, _, d_model] = heads.dims();
        heads.reshape([count, self.rows, self.targets, d_model]).swap_dims(0, 1).reshape([
            self.rows,
            count * self.targets,
            d_model,
        ])
    }

    /// `[rows, heads * targets, d_model]` to `[heads, rows * targets, d_model]`.
    fn of_heads(&self, rows: Tensor<3>) -> Tensor<3> {
        let [_, _, d_model] = rows.dims();
        let heads = self.layer.num_heads;
        rows.reshape([self.rows, heads, self.targets, d_model]).swap_dims(0, 1).reshape([
            heads,
            self.rows * self.targets,
            d_model,
        ])
    }
}
