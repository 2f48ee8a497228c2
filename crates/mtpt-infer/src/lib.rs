#![doc = include_str!("../README.md")]

mod arrays;
mod candidates;
mod device_batch;
mod error;
mod evaluate;
mod format;
mod npy;
mod peft;
mod prompt_file;
mod prompt_files;
mod prompts;
mod sidecar;
#[cfg(feature = "t5x")]
mod t5x;
#[cfg(feature = "t5x")]
mod t5x_arrays;
mod task_data;
mod token_budget;
mod tree;

pub use arrays::ArrayComposition;
pub use candidates::Candidates;
pub use device_batch::DeviceBatch;
pub use error::{Error, Result};
pub use evaluate::{check_width, evaluate, generate_rows, rank_choices, rank_rows};
pub use format::PromptFormat;
pub use prompt_file::PromptFile;
pub use prompt_files::PromptFiles;
pub use prompts::{PromptHeader, PromptTask, Prompts};
pub use task_data::TaskData;
pub use token_budget::tokens_at_a_time;
pub use tree::composed_tree;
