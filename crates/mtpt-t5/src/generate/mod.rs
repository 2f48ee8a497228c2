//! Text generation, token by token.

mod beam;
mod config;
mod decode;
pub(crate) mod greedy;
mod sample;
mod step;

pub use config::{Beam, EarlyStopping, GenerationConfig, Sampling, Strategy};
