use std::io;
use std::path::{Path, PathBuf};

/// `Result` with this crate's [`Error`].
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What ends a command.
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
    #[error("`{path}`: {problem}")]
    Config { path: PathBuf, problem: String },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot read standard input")]
    Input(#[source] io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("cannot watch for signals")]
    Signals(#[source] io::Error),
    #[error(
        "stopped by {name} after step {step} of {steps}, {}",
        checkpoint.as_ref().map_or_else(
            || "of which nothing is kept; the same command with `--resume` begins this run again".to_owned(),
            |path| format!("which is kept in `{}`; the same command with `--resume` goes on from there", path.display())
        )
    )]
    Stopped { code: u8, name: &'static str, step: usize, steps: usize, checkpoint: Option<PathBuf> },
    #[error("`--set {setting}`: {problem}")]
    Setting { setting: String, problem: String },
    #[error("line {line}: {problem}")]
    Row { line: usize, problem: String },
    #[error("`{tasks}` has the task `{task}`, but `{prompts}` has prompts for {known} alone")]
    NoPrompt { tasks: PathBuf, task: String, prompts: PathBuf, known: String },
    #[error(
        "`{path}` is there already; name another file with `--output`, or write over it with `--force`"
    )]
    Exists { path: PathBuf },
    #[error(
        "`{path}` holds {by}, which a run would write over; choose another folder with `--output`"
    )]
    Occupied { path: PathBuf, by: &'static str },
    #[error(
        "`--strategy` is for a folder with the arrays of several tasks, `--format npy`; leave it away for `{path}`"
    )]
    NoArrays { path: PathBuf },
    #[error("`{path}` holds the prompts that are read; name another place with `--output`")]
    Source { path: PathBuf },
    #[error("`{path}` holds the rows; name another file for the configuration with `--output`")]
    Rows { path: PathBuf },
    #[error("{path}: {problem}", path = path.display())]
    Columns { path: PathBuf, problem: String },
    #[error("`{path}`: {problem}")]
    Inspected { path: PathBuf, problem: String },
    #[error("`{path}`: {problem}")]
    Reported { path: PathBuf, problem: String },
    #[error("`{path}` names no `{split}` file for any task")]
    NoSplit { path: PathBuf, split: &'static str },
}

impl Error {
    /// What is wrong with the settings of a configuration, said of its file.
    pub(crate) fn in_config(path: &Path, error: mtpt::train::Error) -> Self {
        use mtpt::train::Error::{
            Composition, NearestTogether, NoSource, OutOfRange, Stage, UnevenLengths,
        };
        match error {
            Composition(_)
            | OutOfRange { .. }
            | UnevenLengths { .. }
            | Stage { .. }
            | NearestTogether
            | NoSource => Self::Config { path: path.to_owned(), problem: error.to_string() },
            other => other.into(),
        }
    }
}
