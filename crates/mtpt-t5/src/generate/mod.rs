//! Text generation, token by token.

mod beam;
mod config;
mod decode;
mod decoding;
mod filter;
mod greedy;
mod model_settings;
mod rules;
mod sample;
mod search;
mod sequence_limit;
pub(crate) mod settings;
mod strategy;
mod stream;

pub use config::GenerationConfig;
pub use decode::GenerationInputs;
pub(crate) use decode::{flat, unknown_rows};
pub use decoding::{Sequence, StopCondition};
pub use sequence_limit::MAX_SEQUENCES;
pub use settings::{EarlyStoppingName, EarlyStoppingSetting, GenerationSettings, StopStrings};
pub use strategy::{Beam, EarlyStopping, Sampling, Strategy};
