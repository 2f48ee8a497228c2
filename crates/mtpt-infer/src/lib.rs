#![doc = include_str!("../README.md")]

mod answer;
mod arrays;
mod candidates;
mod device_batch;
mod device_partition;
mod error;
mod evaluate;
mod exported_files;
mod format;
mod format_error;
mod generate;
mod header;
mod note;
mod npy;
mod peft;
mod predict;
mod prediction_tasks;
mod prompt_file;
mod prompt_search;
mod prompted;
mod prompts;
mod query;
mod rank;
mod row_length;
mod row_predictions;
mod sidecar;
#[cfg(feature = "t5x")]
mod t5x;
#[cfg(feature = "t5x")]
mod t5x_arrays;
mod task_data;
mod task_record;
mod tree;

pub use answer::{Answer, LabelScores};
pub use arrays::ArrayComposition;
pub use candidates::Candidates;
pub use device_batch::{DeviceBatch, Padding};
pub use device_partition::{
    MAX_PART_SCORES, MAX_PART_TOKENS, MAX_ROW_SCORES, map_parts, max_row_length,
    partition_for_device, partition_for_memory,
};
pub use error::{Error, Result};
pub use exported_files::PromptFiles;
pub use format::PromptFormat;
pub use format_error::FormatError;
pub use header::{PromptHeader, PromptTask};
pub use note::PromptNote;
pub use peft::adapter::DecoderPrompt;
pub use predict::{Input, Predictor};
pub use prediction_tasks::PredictionTasks;
pub use prompt_file::PromptFile;
pub use prompt_search::prompt_file;
pub use prompted::Prompted;
pub use prompts::Prompts;
pub use query::Query;
pub use row_length::check_length;
pub use row_predictions::{RankedRow, RowPredictions};
pub use task_data::{TaskData, TaskTokenizer};
pub use task_record::RankedExample;
pub use tree::composed_tree;
