//! The forward pass: one file per layer.
//!
//! Every layer's `forward` also saves the activations for [`backward`](crate::backward) on request.

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod attention_blocks;
pub(crate) mod batch_shape;
pub(crate) mod block;
pub(crate) mod cache;
pub(crate) mod cross_attention;
pub(crate) mod decoder_bias;
pub(crate) mod feed_forward;
pub(crate) mod long_attention;
pub(crate) mod mask;
pub(crate) mod norm;
pub(crate) mod position;
pub(crate) mod residual;
pub(crate) mod saving;
pub(crate) mod score_bias;
pub(crate) mod softmax;
pub(crate) mod stack;
pub(crate) mod summary_blocks;
pub(crate) mod t5;
pub(crate) mod windows;

pub use cache::DecoderCache;
pub use position::{Direction, relative_position_bucket};
pub use t5::T5;
