#![doc = include_str!("../README.md")]

mod backbone;
mod backward;
mod config;
mod error;
mod family;
mod generate;
mod model;
mod projection;
mod score;
mod tokenizer;
mod weights;

pub use config::{Activation, T5Config};
pub use error::{
    ConfigError, Error, GenerationError, Result, SentencePieceError, TokenizerError,
    TokenizerFileError, WeightsError,
};
pub use family::{Family, LongAttention};
pub use generate::{
    Beam, EarlyStopping, EarlyStoppingName, EarlyStoppingSetting, GenerationConfig,
    GenerationInputs, GenerationSettings, MAX_SEQUENCES, Sampling, Sequence, StopCondition,
    StopStrings, Strategy,
};
pub use model::{DecoderCache, Direction, T5, relative_position_bucket};
pub use mtpt_core::{Backbone, Encoded, InputRow, Inputs, WeightFormat};
pub use tokenizer::T5Tokenizer;
pub use weights::{
    DEFAULT_MAX_INPUT_LENGTH, EndTokens, GenerationDefaults, HuggingFaceConfig, locate,
    max_input_length, read_config,
};
