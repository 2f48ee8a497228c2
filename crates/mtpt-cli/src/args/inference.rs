use std::path::PathBuf;

use clap::Args;

use crate::args::baseline::BaselineArgs;
use crate::args::decoding::Decoding;
use crate::args::device::DeviceArgs;
use crate::args::rows::RowArgs;
use crate::args::values::{
    EvaluatedSplit, ResultFormat, ScoreKind, TruncationSide, length_limit, positive,
};
use crate::args::weights::WeightArgs;

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Hugging Face model folder or one step of a T5X checkpoint; with the feature `hub` also a hub
    /// id [default: the model that the prompts were trained for]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Run folder, prompt file, or prompts in PEFT, NumPy or T5X format
    #[arg(long, value_name = "PATH")]
    pub(crate) prompts: PathBuf,
    /// Task file or run configuration
    #[arg(long, value_name = "CONFIG.toml")]
    pub(crate) tasks: PathBuf,
    /// Ignore the prompts' vectors for the decoder, as PEFT's `generate` does
    #[arg(long)]
    pub(crate) no_decoder_prompt: bool,
    /// Maximum length of inputs in tokens, or `none`; longer ones are truncated [default: the
    /// length used in training, or that of the model]
    #[arg(long, value_name = "N", value_parser = length_limit)]
    pub(crate) max_input_length: Option<usize>,
    /// Split to evaluate
    #[arg(long, value_enum, default_value = "dev")]
    pub(crate) split: EvaluatedSplit,
    #[command(flatten)]
    pub(crate) baseline: BaselineArgs,
    /// Form of the results [default: a table on a terminal, JSON Lines otherwise]
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) format: Option<ResultFormat>,
    /// Also print precision, recall and F1 of each label, and the confusion matrix
    #[arg(long)]
    pub(crate) classes: bool,
    /// File for all rows with an incorrect prediction, as JSON Lines
    #[arg(long, value_name = "FILE.jsonl")]
    pub(crate) errors: Option<PathBuf>,
    /// Omit the texts of these rows
    #[arg(long, requires = "errors")]
    pub(crate) no_text: bool,
    /// Maximum number of rows per batch
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive)]
    pub(crate) batch_size: usize,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    #[command(flatten)]
    pub(crate) weights: WeightArgs,
}

/// A model with optional prompts, and the rows to apply it to.
#[derive(Debug, Args)]
pub(crate) struct PromptedRows {
    /// Hugging Face model folder or one step of a T5X checkpoint; with the feature `hub` also a hub
    /// id [default: the model that the prompts were trained for]
    #[arg(long, value_name = "DIR", required_unless_present = "prompts")]
    pub(crate) model: Option<PathBuf>,
    /// Run folder, prompt file, or prompts in PEFT, NumPy or T5X format
    #[arg(long, value_name = "PATH")]
    pub(crate) prompts: Option<PathBuf>,
    /// Task of rows without a `task` field
    #[arg(long, value_name = "NAME", requires = "prompts")]
    pub(crate) task: Option<String>,
    /// Ignore the prompts' vectors for the decoder, as PEFT's `generate` does
    #[arg(long, requires = "prompts")]
    pub(crate) no_decoder_prompt: bool,
    /// Maximum length of inputs in tokens, or `none`; longer ones are truncated [default: the
    /// length used in training, or that of the model]
    #[arg(long, value_name = "N", value_parser = length_limit)]
    pub(crate) max_input_length: Option<usize>,
    /// Maximum number of rows per batch [default: as many as are efficient, by their length]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub(crate) batch_size: Option<usize>,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
    #[command(flatten)]
    pub(crate) device: DeviceArgs,
    #[command(flatten)]
    pub(crate) weights: WeightArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    #[command(flatten)]
    pub(crate) prompted: PromptedRows,
    /// Values listed as `scores` for each label [default: log-probabilities; none for scores
    /// on a scale, and in CSV, TSV and Parquet]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) scores: Option<ScoreKind>,
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    #[command(flatten)]
    pub(crate) prompted: PromptedRows,
    /// Side of an input that exceeds the maximum length, where it is truncated
    #[arg(long, value_enum, value_name = "SIDE", default_value = "right")]
    pub(crate) truncation_side: TruncationSide,
    #[command(flatten)]
    pub(crate) decoding: Decoding,
}

#[derive(Debug, Args)]
pub(crate) struct Score {
    #[command(flatten)]
    pub(crate) prompted: PromptedRows,
    /// Side of an input that exceeds the maximum length, where it is truncated
    #[arg(long, value_enum, value_name = "SIDE", default_value = "right")]
    pub(crate) truncation_side: TruncationSide,
}
