//! Loading and saving: transformers folders, T5X checkpoints and the Hugging Face hub.

mod config_fields;
mod expected_parameters;
mod feed_forward_name;
pub(crate) mod file_names;
pub(crate) mod generation_config;
pub(crate) mod hf_config;
#[cfg(feature = "hub")]
mod hub;
mod input_length;
pub(crate) mod load;
mod model_type;
mod names;
mod parameter_source;
mod save;
mod source;
mod state_dict;
#[cfg(feature = "t5x")]
mod t5x;
mod transformers;
pub(crate) mod weight_files;

pub use generation_config::GenerationDefaults;
pub use hf_config::{EndTokens, HuggingFaceConfig};
pub use input_length::{DEFAULT_MAX_INPUT_LENGTH, max_input_length};
pub use load::{locate, read_config};
