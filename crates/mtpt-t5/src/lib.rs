#![doc = include_str!("../README.md")]

mod attention;
mod backbone;
mod block;
mod cache;
mod checkpoint;
mod config;
mod cross_attention;
mod error;
mod feed_forward;
mod generate;
mod hf_config;
#[cfg(feature = "hub")]
mod hub;
mod keys;
mod load;
mod mask;
mod model;
mod position;
mod reading;
mod save;
mod score;
mod softmax;
mod stack;
#[cfg(feature = "t5x")]
mod t5x;
mod tokenizer;

pub use attention::{Attention, KeysValues};
pub use block::{DecoderBlock, EncoderBlock};
pub use cache::DecoderCache;
pub use config::{Activation, T5Config};
pub use error::{Error, Result};
pub use feed_forward::FeedForward;
pub use generate::{Beam, EarlyStopping, GenerationConfig, Sampling, Strategy};
pub use hf_config::{EndTokens, HuggingFaceConfig};
pub use load::{locate, read_config};
pub use model::T5;
pub use position::{Direction, RelativePositionBias, relative_position_bucket};
pub use stack::{Decoder, Encoder};
pub use tokenizer::T5Tokenizer;
