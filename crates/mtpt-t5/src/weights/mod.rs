//! Loading and saving: transformers folders, T5X checkpoints and the Hugging Face hub.

pub(crate) mod checkpoint;
pub(crate) mod hf_config;
#[cfg(feature = "hub")]
pub(crate) mod hub;
pub(crate) mod load;
pub(crate) mod names;
mod save;
#[cfg(feature = "t5x")]
pub(crate) mod t5x;

pub use hf_config::{EndTokens, HuggingFaceConfig};
pub use load::{locate, read_config};
