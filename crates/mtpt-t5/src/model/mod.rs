//! The forward pass: one file per layer.

pub(crate) mod attention;
pub(crate) mod block;
pub(crate) mod cache;
pub(crate) mod cross_attention;
pub(crate) mod feed_forward;
pub(crate) mod mask;
pub(crate) mod position;
pub(crate) mod softmax;
pub(crate) mod stack;
pub(crate) mod t5;

pub use attention::{Attention, KeysValues};
pub use block::{DecoderBlock, EncoderBlock};
pub use cache::DecoderCache;
pub use feed_forward::FeedForward;
pub use position::{Direction, RelativePositionBias, relative_position_bucket};
pub use stack::{Decoder, Encoder};
pub use t5::T5;
