use burn::nn::RmsNorm;
use burn::tensor::Tensor;

use super::attention::HeadsTrace;
use super::linear::{back_through, product};
use super::norm::NormTrace;
use super::rows::Rows;
use crate::model::attention::Attention;
use crate::model::cross_attention::{FewTargets, is_cheaper_for_few};

/// Attention to the encoder on normed input, with what the way back through it needs.
pub(super) struct CrossAttentionTrace {
    norm: NormTrace,
    layer: Attention,
    way: Way,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there are as many as blocks, and all hold megabytes elsewhere"
)]
enum Way {
    /// Keys and values of every encoded token.
    Projected(HeadsTrace),
    /// None of them: see [`FewTargets`].
    Few { weights: Tensor<3>, taken: Tensor<3>, asked: Tensor<3> },
}

/// A gradient with regard to the encoded rows, as a product `leftᵀ right` still to be taken, or as it is.
#[expect(
    clippy::large_enum_variant,
    reason = "there are as many as blocks, and all hold megabytes elsewhere"
)]
pub(super) enum EncodedGradient {
    /// `[batch, n, length]` and `[batch, n, d_model]`.
    Product(Tensor<3>, Tensor<3>),
    /// `[batch, length, d_model]`.
    Sum(Tensor<3>),
}

impl CrossAttentionTrace {
    /// What is added to the decoder's tokens, `[batch * targets, d_model]`.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, length, d_model]`
    /// - `bias`: `[batch, 1, 1, length]`
    pub(super) fn forward(
        (norm, layer): (&RmsNorm, &Attention),
        hidden: Tensor<2>,
        rows: Rows,
        encoded: &Tensor<3>,
        bias: &Tensor<4>,
    ) -> (Tensor<2>, Self) {
        let (normed, norm) = NormTrace::forward(norm, hidden);
        let [batch, length, d_model] = encoded.dims();
        let (taken, way) = if is_cheaper_for_few(layer, rows.length, length) {
            let few = FewTargets { layer, rows: rows.batch, targets: rows.length };
            let asked = few.ask(product(&layer.query, normed));
            let weights = few.weigh(asked.clone(), encoded.clone(), bias.clone());
            let taken = weights.clone().matmul(encoded.clone());
            let output = few.values(taken.clone());
            (output, Way::Few { weights, taken, asked })
        } else {
            let source = Rows { batch, length };
            let tokens = encoded.clone().reshape([batch * length, d_model]);
            let query = rows.split(layer, product(&layer.query, normed));
            let [key, value] = [&layer.key, &layer.value]
                .map(|linear| source.split(layer, product(linear, tokens.clone())));
            let (taken, heads) = HeadsTrace::forward(query, key, value, bias.clone());
            (rows.join(layer, taken), Way::Projected(heads))
        };
        (product(&layer.output, taken), Self { norm, layer: layer.clone(), way })
    }

    /// The gradients with regard to the decoder's tokens, `[batch * targets, d_model]`, and to the encoded rows.
    pub(super) fn back(
        self,
        gradient: Tensor<2>,
        rows: Rows,
        encoded: &Tensor<3>,
    ) -> (Tensor<2>, EncodedGradient) {
        let Self { norm, layer, way } = self;
        let gradient = back_through(&layer.output, gradient);
        let (query, of_encoded) = match way {
            Way::Few { weights, taken, asked } => {
                let few = FewTargets { layer: &layer, rows: rows.batch, targets: rows.length };
                let gradient = few.values_back(gradient);
                // As in attention with keys and values, which here are the encoded tokens themselves.
                let mean = (gradient.clone() * taken).sum_dim(2);
                let of_weights = gradient.clone().matmul(encoded.clone().swap_dims(1, 2));
                let of_scores = (of_weights - mean) * weights.clone();
                let query = few.ask_back(of_scores.clone().matmul(encoded.clone()));
                let left = Tensor::cat(vec![weights, of_scores], 1);
                (query, EncodedGradient::Product(left, Tensor::cat(vec![gradient, asked], 1)))
            }
            Way::Projected(heads) => {
                let [batch, length, d_model] = encoded.dims();
                let source = Rows { batch, length };
                let gradients = heads.back(rows.split(&layer, gradient), rows.length, length);
                let tokens = back_through(&layer.key, source.join(&layer, gradients.key))
                    + back_through(&layer.value, source.join(&layer, gradients.value));
                let sum = EncodedGradient::Sum(tokens.reshape([batch, length, d_model]));
                (rows.join(&layer, gradients.query), sum)
            }
        };
        (norm.back(back_through(&layer.query, query)), of_encoded)
    }
}
