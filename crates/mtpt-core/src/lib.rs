#![doc = include_str!("../README.md")]

mod backbone;
mod compose;
mod error;
mod frozen;
mod index;
mod initializer;
mod named_parameters;
mod parallel;
mod prefix;
mod reading;
mod token_tree;

pub use backbone::Backbone;
pub use compose::{Compose, rows_of};
pub use error::{Error, Result};
pub use frozen::Frozen;
pub use index::TaskIndex;
pub use initializer::Initializer;
pub use named_parameters::{load_parameters, named_parameters, parameter_names};
pub use parallel::{each_in_parallel, is_processor, lanes};
pub use prefix::{embed_prompted, prepend};
pub use reading::{Reading, StateGradients, read_by_autodiff};
pub use token_tree::{TokenTree, decode_paths};
