#![doc = include_str!("../README.md")]

mod batch;
mod config;
mod encode;
mod error;
mod evaluation;
mod example;
mod format;
pub mod glue;
mod id;
mod labels;
pub mod metric;
mod mixture;
mod permutation;
mod reader;
pub mod score;
mod task;
mod task_file;
mod template;
mod tree;

pub use batch::{MaxLengths, Padding, TokenBatch, TokenizedExample, group_by_length};
pub use config::{Limit, Split, TaskConfig, UnknownSplit};
pub use encode::{Encode, EncodeError, EncodeFn, WithEndOfSentence, truncate};
pub use error::{Error, Result};
pub use evaluation::{Evaluation, MajorityBaseline};
pub use example::{Example, Place};
pub use format::Format;
pub use id::TaskId;
pub use labels::{Gold, Labels, LabelsConfig, Prediction};
pub use metric::Metric;
pub use mixture::{Mixture, MixtureConfig, Pick, Rates};
pub use reader::Reader;
pub use task::{Instance, Task};
pub use task_file::TaskFile;
pub use template::{Template, TemplateProblem};
pub use tree::{Node, NodeIndex, TaskTree};
