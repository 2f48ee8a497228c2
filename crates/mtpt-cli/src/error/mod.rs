//! The error that ends a command, and [`advice`] on how to fix it.

pub(crate) mod advice;

use std::io;
use std::path::{Path, PathBuf};

use mtpt::tasks::SourceLocation;

use crate::number_format::counted;

/// `Result` with this crate's [`Error`].
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Train(#[from] mtpt::train::Error),
    #[error(transparent)]
    Infer(#[from] mtpt::infer::Error),
    #[error(transparent)]
    Tasks(#[from] mtpt::tasks::Error),
    #[error(transparent)]
    Model(#[from] mtpt::t5::Error),
    #[error(transparent)]
    Device(#[from] mtpt::DeviceError),
    #[error(transparent)]
    Io(#[from] mtpt::io::IoError),
    #[error(transparent)]
    Tensors(#[from] mtpt::io::TensorError),
    /// An error with advice that only the command can give.
    #[error("{source}; {advice}")]
    Advised { source: Box<Self>, advice: String },
    /// Any other error of the facade.
    #[error(transparent)]
    Facade(mtpt::Error),
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("cannot install signal handlers")]
    Signals(#[source] io::Error),
    /// A run ended by a signal: not a failure, but reported like one.
    #[error(
        "Interrupted at step {step}/{steps}. {}",
        checkpoint.as_ref().map_or_else(
            || "No checkpoint was saved. To start over, rerun the command.".to_owned(),
            |path| format!(
                "Checkpoint saved to `{}`. To continue, rerun with `--resume`.",
                path.display()
            )
        )
    )]
    Interrupted { code: u8, step: usize, steps: usize, checkpoint: Option<PathBuf> },
    /// A file or folder in place of a configuration.
    #[error("expected {expected} (TOML), but `{path}` is {found}; {advice}")]
    NoConfig { path: PathBuf, expected: &'static str, found: &'static str, advice: String },
    #[error("{failed} of {total} runs failed; the others are complete")]
    SweepFailed { failed: usize, total: usize },
    /// A job ended by a signal.
    #[error(
        "Interrupted after {}.{}",
        counted(*rows, "row"),
        partial.as_ref().map_or_else(String::new, |path| format!(
            " The answers are in `{}`. To continue, rerun with `--resume`.", path.display()
        ))
    )]
    InterruptedJob { code: u8, rows: usize, partial: Option<PathBuf> },
    /// A job without any answer.
    #[error(
        "no row was answered: {} rejected{}",
        if *rows == 1 { "1 row was".to_owned() } else { format!("all {} were", counted(*rows, "row")) },
        first.as_ref().map_or_else(String::new, |first| format!("; the first one: {first}"))
    )]
    AllRejected { rows: usize, first: Option<String> },
    #[error("`--set {setting}`: {problem}")]
    Setting { setting: String, problem: String },
    /// An unusable row of standard input or of `--input`.
    #[error("{location}: {problem}")]
    Row { location: SourceLocation, problem: String },
    /// A data file that `mtpt init` can't turn into a task.
    #[error("{path}: {problem}", path = path.display())]
    Data { path: PathBuf, problem: String },
    /// Any other file or folder with unexpected contents.
    #[error("`{path}`: {problem}")]
    File { path: PathBuf, problem: String },
    #[error("`{prompts}` has no prompt for the task `{task}` of `{tasks}`, only for {known}")]
    NoPrompt { tasks: PathBuf, task: String, prompts: PathBuf, known: String },
    #[error("`{prompts}` does not record its model; pass the model with `--model`")]
    NoModel { prompts: PathBuf },
    #[error(
        "the model `{name}` of `{prompts}` is in none of {}; pass its path with `--model`",
        first_names(tried)
    )]
    ModelOfPrompts { prompts: PathBuf, name: String, tried: Vec<PathBuf> },
    #[error(
        "no task in `{path}` has a `{split}` split{}",
        match other {
            Some(other) => format!("; evaluate `{other}` with `--split {other}`"),
            None => format!("; add a `{split}` file to one"),
        }
    )]
    NoSplit { path: PathBuf, split: &'static str, other: Option<&'static str> },
    #[error(
        "`{path}` already exists; choose another path with `--output`, or overwrite it with `--force`"
    )]
    Exists { path: PathBuf },
    #[error(
        "`{path}` contains {by}, which the run would overwrite; choose another folder with `--output`"
    )]
    Occupied { path: PathBuf, by: &'static str },
    #[error(
        "`{path}` contains a run ({progress}); continue it with `--resume`, overwrite it with `--force`, or choose another folder with `--output`"
    )]
    RunExists { path: PathBuf, progress: String },
    /// Runs in subfolders of the output folder.
    #[error(
        "`{path}` contains {} in subfolders ({}); choose another folder with `--output`, or pass `--force` to keep these runs and put the new one directly into `{path}`",
        counted(below.len(), "run"),
        first_names(below)
    )]
    RunsBelow { path: PathBuf, below: Vec<PathBuf> },
    #[error(
        "`--strategy` applies only to a folder with the arrays of several tasks (`--format npy`); omit it for `{path}`"
    )]
    NoArrays { path: PathBuf },
    /// An output path that is also an input path.
    #[error("`{path}` is an input file; choose another path with `--output`")]
    OutputIsInput { path: PathBuf },
}

impl Error {
    /// Returns the location of the row that the error is about.
    pub(crate) fn location(&self) -> Option<&SourceLocation> {
        match self {
            Self::Row { location, .. } => Some(location),
            Self::Tasks(error) => error.location(),
            _ => None,
        }
    }

    /// Adds the path of the configuration to errors about its settings.
    pub(crate) fn in_config(path: &Path, error: impl Into<Self>) -> Self {
        use mtpt::train::Error::{Composition, Config, InStage, Init, Stages};
        use mtpt::train::{ConfigError, InitError, StageError};
        match error.into() {
            Self::Train(
                error @ (Composition(_)
                | Config(ConfigError::OutOfRange { .. })
                | Init(InitError::UnevenLengths { .. } | InitError::Levels { .. })
                | InStage { .. }
                | Stages(StageError::NearestTogether | StageError::NoSource)),
            ) => Self::File { path: path.to_owned(), problem: error.to_string() },
            other => other,
        }
    }
}

/// Returns the first few paths of a list.
fn first_names(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 3;
    let names = paths.iter().take(SHOWN).map(|path| format!("`{}`", path.display()));
    let more = if paths.len() > SHOWN { ", ..." } else { "" };
    names.collect::<Vec<_>>().join(", ") + more
}

/// Returns the problem of a row with a result that is infinite or NaN.
pub(crate) fn not_finite(what: &str, value: impl std::fmt::Display) -> String {
    format!(
        "{what} is {value}; the values of the model or of the prompt are too large for its \
         precision"
    )
}

impl From<mtpt::Error> for Error {
    fn from(error: mtpt::Error) -> Self {
        match error {
            mtpt::Error::Io(error) => error.into(),
            mtpt::Error::Tasks(error) => error.into(),
            mtpt::Error::Model(error) => error.into(),
            mtpt::Error::Infer(error) => error.into(),
            mtpt::Error::Train(error) => error.into(),
            other => Self::Facade(other),
        }
    }
}
