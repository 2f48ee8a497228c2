#![doc = include_str!("../README.md")]
#![expect(
    clippy::module_inception,
    reason = "the main concept of a folder is in the file of the same name"
)]

pub mod baseline;
pub mod batch;
pub mod benchmarks;
pub mod corpus;
pub mod data;
pub mod evaluation;
pub mod labels;
pub mod metric;
pub mod sampling;
pub mod task;
pub mod template;
pub mod tree;

mod error;
mod excerpt;
mod look_alike;
mod names;
mod out_of_range;
mod presets;
mod split;
mod tokenize;
mod toml_text;
mod unknown_tokens;

pub use error::{Error, Result};
pub use excerpt::excerpt;
pub use mtpt_io::IoError;
pub use names::{counted, did_you_mean, nearest_name, quoted_list};
pub use out_of_range::OutOfRange;
pub use split::{Split, UnknownSplit};
pub use tokenize::{
    Detokenize, DetokenizeError, Tokenize, TokenizeError, TokenizeFn, WithEndOfSentence, truncate,
};
pub use toml_text::{TomlProblem, line_of, read_toml};
pub use unknown_tokens::UnknownTokens;

#[doc(no_inline)]
pub use baseline::{Baselines, MajorityBaseline};
#[doc(no_inline)]
pub use batch::{
    Batch, BatchRow, ExamplesOnDisk, MaxLengths, PartitionLimits, TokenizedExample,
    partition_by_length,
};
#[doc(no_inline)]
pub use data::{Dialect, Encoding, Example, Format, Layout, Reader, SourceLocation};
#[doc(no_inline)]
pub use evaluation::{EvaluationRecord, TaskRecord};
#[doc(no_inline)]
pub use labels::{Gold, Labels, LabelsConfig, Prediction};
#[doc(no_inline)]
pub use metric::{Evaluation, Metric, Unit, format_value};
#[doc(no_inline)]
pub use sampling::{FewShot, Limit, Mixture, MixtureConfig, Pick, Rates, Splits, StochasticTasks};
#[doc(no_inline)]
pub use task::{Instance, Task, TaskConfig, TaskFile, TaskId};
#[doc(no_inline)]
pub use template::Template;
#[doc(no_inline)]
pub use tree::{Node, NodeIndex, TaskTree};
