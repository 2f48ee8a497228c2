#![doc = include_str!("../README.md")]

mod backbone;
mod compose;
mod error;
mod frozen;
mod index;
mod initializer;
mod inputs;
mod named_parameters;
mod parallel;
mod prefix;
mod split_prompts;
mod token_tree;
mod vjp;
mod weight_format;

pub use backbone::{Backbone, GenerateError, InputRow, decode_paths, vjp_by_autodiff};
pub use compose::{Compose, gather_task_rows};
pub use error::{Error, Result};
pub use frozen::Frozen;
pub use index::TaskIndex;
pub use initializer::Initializer;
pub use inputs::{Encoded, Inputs};
pub use named_parameters::{load_parameters, named_parameters, parameter_names};
pub use parallel::{is_cpu, par_map, parallelism};
pub use prefix::{embed_prompted, prepend, prepend_split};
pub use split_prompts::SplitPrompts;
pub use token_tree::TokenTree;
pub use vjp::{StateGradients, Vjp};
pub use weight_format::WeightFormat;
