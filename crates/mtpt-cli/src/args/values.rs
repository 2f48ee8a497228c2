//! Values of options, and their conversion to types of the libraries.

use clap::ValueEnum;
use mtpt::infer::{ArrayComposition, LabelScores, PromptFormat};
use mtpt::tasks::{Format as DataFormat, Split};

/// Parses a number of at least 1.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// Maximum number of threads. No machine has more CPUs in one process.
const MAX_THREADS: usize = 1024;

/// Parses a number of threads.
pub(crate) fn thread_count(text: &str) -> Result<usize, String> {
    match positive(text)? {
        count if count > MAX_THREADS => Err(format!("must be at most {MAX_THREADS}")),
        count => Ok(count),
    }
}

/// Parses a maximum length: a number of at least 1, or `none`.
pub(crate) fn length_limit(text: &str) -> Result<usize, String> {
    if text == "none" { Ok(usize::MAX) } else { positive(text) }
}

/// Parses the name of a data format.
pub(crate) fn data_format(name: &str) -> Result<DataFormat, String> {
    DataFormat::of_name(name).ok_or_else(|| {
        "expected the name of a format, such as `csv`, `tsv`, `json_lines` or `parquet`".to_owned()
    })
}

/// The side of an input that loses tokens.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum TruncationSide {
    /// Drop the first tokens
    Left,
    /// Drop the last tokens before the end-of-sequence token
    #[default]
    Right,
}

/// Kind of the values that `mtpt predict` lists for each label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScoreKind {
    /// Probability relative to the other labels
    Probabilities,
    /// Log-probability of the label's text, among all texts
    LogProbabilities,
    /// Nothing
    None,
}

impl From<ScoreKind> for LabelScores {
    fn from(kind: ScoreKind) -> Self {
        match kind {
            ScoreKind::Probabilities => Self::Probabilities,
            ScoreKind::LogProbabilities => Self::LogProbabilities,
            ScoreKind::None => Self::Omitted,
        }
    }
}

/// A stage of multitask prompt tuning.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Stage {
    /// Train a separate prompt for each source task
    Teachers,
    /// Train the shared prompt and the task-specific parameters of the source tasks
    Source,
    /// Adapt to the target tasks
    Targets,
}

impl From<Stage> for mtpt::train::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Teachers => Self::Teachers,
            Stage::Source => Self::Source,
            Stage::Targets => Self::Targets,
        }
    }
}

/// A split that `mtpt eval` accepts.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EvaluatedSplit {
    Dev,
    Test,
}

impl From<EvaluatedSplit> for Split {
    fn from(split: EvaluatedSplit) -> Self {
        match split {
            EvaluatedSplit::Dev => Self::Dev,
            EvaluatedSplit::Test => Self::Test,
        }
    }
}

/// The form in which `mtpt eval` writes results.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ResultFormat {
    /// Aligned columns, values in percent
    Table,
    /// JSON Lines, values as fractions
    Json,
}

/// A split that `mtpt inspect --export` writes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ExportedSplit {
    Train,
    Dev,
    Test,
}

impl From<ExportedSplit> for Split {
    fn from(split: ExportedSplit) -> Self {
        match split {
            ExportedSplit::Train => Self::Train,
            ExportedSplit::Dev => Self::Dev,
            ExportedSplit::Test => Self::Test,
        }
    }
}

/// A prompt format of another program.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Format {
    /// PEFT adapter folder: prompt tuning or multitask prompt tuning
    Peft,
    /// NumPy arrays, as written by google-research/prompt-tuning
    Npy,
    /// T5X checkpoint that contains prompts
    #[cfg(feature = "t5x")]
    T5x,
}

impl From<Format> for PromptFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Peft => Self::Peft,
            Format::Npy => Self::Npy,
            #[cfg(feature = "t5x")]
            Format::T5x => Self::T5x,
        }
    }
}

/// How the arrays of a shared prompt and of task-specific parts are composed.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Strategy {
    /// `AddMultiTaskPrompt`
    Add,
    /// `ConcatMultiTaskPrompt`
    Concat,
    /// `ConcatFeaturesMultiTaskPrompt`
    ConcatFeatures,
    /// `ProjectMultiTaskPrompt`
    Project,
}

impl From<Strategy> for ArrayComposition {
    fn from(strategy: Strategy) -> Self {
        match strategy {
            Strategy::Add => Self::Add,
            Strategy::Concat => Self::Concat,
            Strategy::ConcatFeatures => Self::ConcatFeatures,
            Strategy::Project => Self::Project,
        }
    }
}
