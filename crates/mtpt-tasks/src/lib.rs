#![doc = include_str!("../README.md")]

mod batch;
mod chunks;
mod config;
mod corpus;
mod corpus_tokens;
mod csv_rows;
mod document;
mod error;
mod evaluation;
mod example;
mod examples_on_disk;
mod few_shot;
mod format;
pub mod glue;
mod groups;
mod hold_out;
mod hub;
mod id;
mod labels;
pub mod metric;
mod mixture;
mod nearest_name;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod permutation;
mod prefix_lm;
mod reader;
pub mod score;
mod span_corruption;
mod splits;
mod stochastic;
pub mod superglue;
mod task;
mod task_file;
mod template;
mod tokenize;
mod toml_text;
mod torch_permutation;
mod tree;

pub use batch::{
    MaxLengths, Padding, TokenBatch, TokenizedExample, group_by_length, parts_by_length,
};
pub use chunks::Chunks;
pub use config::{Limit, Split, TaskConfig, UnknownSplit};
pub use corpus::{Corpus, CorpusConfig, CorpusFile, ObjectiveName, TextObjective};
pub use corpus_tokens::{CorpusTokens, SpecialTokens};
pub use document::{DocumentFormat, Documents};
pub use error::{Error, Result};
pub use evaluation::{Evaluation, MajorityBaseline};
pub use example::{Example, SourceLocation};
pub use examples_on_disk::ExamplesOnDisk;
pub use few_shot::FewShot;
pub use format::Format;
pub use hub::HubDataset;
pub use id::TaskId;
pub use labels::{Gold, Labels, LabelsConfig, Prediction};
pub use metric::Metric;
pub use mixture::{Mixture, MixtureConfig, Pick, Rates};
pub use nearest_name::{did_you_mean, nearest_name};
pub use prefix_lm::PrefixLm;
pub use reader::Reader;
pub use span_corruption::SpanCorruption;
pub use splits::Splits;
pub use stochastic::StochasticTasks;
pub use task::{Instance, Task};
pub use task_file::TaskFile;
pub use template::{Template, TemplateProblem};
pub use tokenize::{
    Detokenize, DetokenizeError, Tokenize, TokenizeError, TokenizeFn, WithEndOfSentence, truncate,
};
pub use toml_text::{TomlProblem, line_of, read_toml};
pub use tree::{Node, NodeIndex, TaskTree};
