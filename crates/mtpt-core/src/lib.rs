#![doc = include_str!("../README.md")]

mod backbone;
mod compose;
mod error;
mod frozen;
mod index;
mod initializer;
mod npy;
mod parallel;
mod parameter_names;
mod place;
mod prefix;
mod prompt_file;
mod reading;
#[cfg(feature = "t5x")]
pub mod t5x;
mod token_tree;
mod whole_file;

pub use backbone::Backbone;
pub use compose::{Compose, rows_of};
pub use error::{Error, Result};
pub use frozen::Frozen;
pub use index::TaskIndex;
pub use initializer::Initializer;
pub use npy::{first_not_finite, is_npy, npy_bytes, parse_npy, read_npy};
pub use parallel::{each_in_parallel, is_processor, lanes};
pub use parameter_names::parameter_names;
pub use place::place_of;
pub use prefix::{embed_prompted, prepend};
pub use prompt_file::PromptFile;
pub use reading::{Reading, StateGradients, read_by_autodiff};
pub use token_tree::{TokenTree, decode_paths};
pub use whole_file::{remove_drafts, sync_folder, write_whole_file};
