#![doc = include_str!("../README.md")]

mod backbone;
mod backward;
mod config;
mod error;
mod family;
mod generate;
mod model;
mod score;
mod tokenizer;
mod weights;

pub use config::{Activation, T5Config};
pub use error::{
    ConfigError, Error, GenerationError, Result, SentencePieceError, TokenizerError, WeightsError,
};
pub use family::{Family, LongAttention};
pub use generate::{Beam, EarlyStopping, GenerationConfig, Sampling, Strategy};
pub use model::{DecoderCache, Direction, T5, relative_position_bucket};
pub use mtpt_core::{Backbone, Encoded, Inputs};
pub use tokenizer::T5Tokenizer;
pub use weights::{
    DEFAULT_MAX_INPUT_LENGTH, EndTokens, HuggingFaceConfig, locate, max_input_length, read_config,
};
