use std::io;
use std::path::{Path, PathBuf};

use mtpt_tasks::{TaskId, TomlProblem, did_you_mean};

use crate::run::non_finite::NotFinite;
use crate::stages::execute::Stage;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong while training and evaluating.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Of tasks and their data.
    #[error(transparent)]
    Tasks(#[from] mtpt_tasks::Error),
    /// Of prompts and their files.
    #[error(transparent)]
    Prompts(#[from] mtpt_core::Error),
    /// A file or folder could not be accessed.
    #[error(transparent)]
    Io(#[from] mtpt_io::IoError),
    /// A file of tensors could not be read or written.
    #[error(transparent)]
    Tensors(#[from] mtpt_io::TensorError),
    /// Of a composition.
    #[error(transparent)]
    Composition(#[from] mtpt_compose::Error),
    /// Of prompts in use: their files, prediction, evaluation.
    #[error(transparent)]
    Infer(#[from] mtpt_infer::Error),
    /// A file or folder could not be read, written or made.
    #[error("cannot {action} `{path}`")]
    File {
        /// What was being done: `read`, `write`, `make`, `remove`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A configuration is not as it should be.
    #[error("`{path}`{}: {message}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Config {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, where one is known.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
    /// A number of a configuration is out of its range.
    #[error("`{option}` must be {expected}, found {found}")]
    OutOfRange {
        /// The option.
        option: &'static str,
        /// The range in words.
        expected: &'static str,
        /// The value given.
        found: f64,
    },
    /// Of a stage around a run: its own key tells where the option stands.
    #[error("`[{stage}]`: {source}")]
    Stage {
        /// The stage: `teachers`, `adaptation`.
        stage: &'static str,
        /// What is wrong.
        source: Box<Self>,
    },
    /// A task that is to be learned has no training split.
    #[error("task `{task}` has no `train` file to learn from")]
    NoTrainingRows {
        /// The task.
        task: TaskId,
    },
    /// Pretraining with neither text nor tasks.
    #[error("nothing to learn from: expected a `[[corpora]]` or `[[tasks]]` entry, found neither")]
    NothingToLearn,
    /// What asks for figures on `dev` has none.
    #[error("`{option}`: nothing has a `dev` split to judge by; leave it out, or give one")]
    NoDev {
        /// The option.
        option: &'static str,
    },
    /// What tasks own should have something for itself, but the composition tells of no parameters that it could be for.
    #[error(
        "`{option}`: the composition tells of no parameters that belong to one task; leave it out, or implement \
         `Compose::task_parameters`"
    )]
    NoTaskParameters {
        /// The option.
        option: &'static str,
    },
    /// None of the stages asked for has anything to do.
    #[error(
        "the configuration has nothing to do for {}: `[teachers]` or `[distillation]` makes teachers, `[adaptation]` targets",
        asked.iter().map(|stage| format!("`{}`", stage.folder())).collect::<Vec<_>>().join(", ")
    )]
    NoStage {
        /// The stages.
        asked: Vec<Stage>,
    },
    /// What a run begins at lies where the run would take its place.
    #[error(
        "`{path}` is what the run begins at, and in the folder that it would begin anew: choose another folder for the run"
    )]
    WouldRemove {
        /// The file.
        path: PathBuf,
    },
    /// Every task is a target, and none is left to be learned before.
    #[error(
        "no task is left as a source: name some in `adaptation.sources`, or fewer in `adaptation.targets`"
    )]
    NoSource,
    /// The nearest source is one task's, and targets that learn together would each have another.
    #[error("`adaptation.nearest` is for targets that learn each by itself: leave out `together`")]
    NearestTogether,
    /// The nearest source would be chosen by all rows of a target, of which a few alone are to be known.
    #[error("`adaptation.nearest` reads all rows of a target: leave it out, or `few_shot`")]
    NearestOfFewRows,
    /// There is no source prompt to compare, since it depends on the input.
    #[error(
        "`adaptation.nearest` compares prompts, and these depend on their inputs: leave it out"
    )]
    NearestReadsInputs,
    /// A target is named twice.
    #[error("`adaptation.targets` names `{task}` twice")]
    TwiceTarget {
        /// The task.
        task: TaskId,
    },
    /// A task has fewer rows than are to be drawn.
    #[error("task `{task}`: `few_shot` draws {expected} rows, found {found}")]
    TooFewRows {
        /// The task.
        task: TaskId,
        /// Rows to be drawn.
        expected: usize,
        /// Rows of the training split.
        found: usize,
    },
    /// A stage should begin at the prompts of a run that has not come to its end.
    #[error("the run in `{path}` has not come to its end: go on with it first")]
    Unfinished {
        /// The run's folder.
        path: PathBuf,
    },
    /// A task has no rows that it could be judged by.
    #[error("task `{task}` has neither `test` nor `dev` to be judged by")]
    NothingToJudge {
        /// The task.
        task: TaskId,
    },
    /// There is no teacher for a task that should learn from one.
    #[error(
        "no teacher for task `{task}`; there are teachers for {}{}",
        quoted(known), did_you_mean(task.as_str(), known.iter().map(TaskId::as_str))
    )]
    NoTeacher {
        /// The task.
        task: TaskId,
        /// The tasks that there are teachers for.
        known: Vec<TaskId>,
    },
    /// Teachers of one run have prompts of different shapes.
    #[error(
        "teachers must have prompts of one shape: that of `{}` has {expected:?}, that of `{}` {found:?}",
        tasks[0], tasks[1]
    )]
    TeacherShapes {
        /// Two tasks.
        tasks: Box<[TaskId; 2]>,
        /// Length and width of the first one's teacher.
        expected: [usize; 2],
        /// Of the second one's.
        found: [usize; 2],
    },
    /// What teachers made of rows could not be kept in the folder for temporary files.
    #[error(
        "cannot keep what the teachers make of the rows in a temporary file: set TMPDIR to a folder with room, or `distillation.keep_states = \"never\"`"
    )]
    TeacherStates {
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The loss of a row, or a gradient, is infinite or not a number.
    #[error(transparent)]
    NotFinite(#[from] Box<NotFinite>),
    /// The observer ended the run early.
    #[error(
        "stopped after step {step} of {steps}{}",
        checkpoint.as_ref().map(|path| format!("; `{}` is where the run goes on", path.display())).unwrap_or_default()
    )]
    Stopped {
        /// Steps done.
        step: usize,
        /// Steps in all.
        steps: usize,
        /// The checkpoint after the last step, where the run wrote one.
        checkpoint: Option<PathBuf>,
    },
    /// Another run writes to the folder.
    #[error(
        "`{path}` is the folder of a run that goes on just now; wait for its end, or choose another folder"
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// There are checkpoints to go on from, and each of them is damaged.
    #[error(
        "`{path}` {reason}, and no older checkpoint is whole: begin the run anew instead of resuming it"
    )]
    NoWholeCheckpoint {
        /// A file of the newest.
        path: PathBuf,
        /// What is wrong with it: `is missing`, `has 120 bytes, 128 were written`.
        reason: String,
    },
    /// A checkpoint does not belong to the run that wants to go on from it.
    #[error("cannot resume from `{path}`: {reason}")]
    Resume {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A file of a run folder is not the JSON that this project writes.
    #[error("`{path}` is not what this version writes; remove it to start over")]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        #[source]
        source: serde_json::Error,
    },
    /// A file of initial prompt values cannot be used.
    #[error("`{path}`: {message}")]
    InitialValues {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Tasks of one hierarchy would have prompts of different lengths.
    #[error(
        "the prompts of `{}` and `{}` would be {} and {} vectors long: a level that makes prompts longer must be one that \
         every task has",
        tasks[0], tasks[1], lengths[0], lengths[1]
    )]
    UnevenLengths {
        /// Two tasks.
        tasks: [TaskId; 2],
        /// The lengths of their prompts.
        lengths: [usize; 2],
    },
    /// Trained prompts cannot be gone on from.
    #[error("cannot start from `{path}`: {reason}")]
    StartFrom {
        /// The prompts.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The state of the optimizer could not be written or read.
    #[error("`{path}`: {message}")]
    OptimizerState {
        /// The file.
        path: PathBuf,
        /// What burn said.
        message: String,
    },
}

impl Error {
    /// What is wrong with the TOML of a configuration.
    pub(crate) fn toml(path: &Path, problem: TomlProblem) -> Self {
        let TomlProblem { line, message } = problem;
        Self::Config { path: path.to_owned(), line, message }
    }

    /// The same problem, said of a stage around a run.
    pub(crate) fn in_stage(self, stage: &'static str) -> Self {
        Self::Stage { stage, source: Box::new(self) }
    }

    /// The same problem, said of a configuration.
    pub(crate) fn in_config(self, path: &Path) -> Self {
        Self::Config { path: path.to_owned(), line: None, message: self.to_string() }
    }
}

/// An error with its causes in one line, for whom words alone can be told.
pub fn error_line(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Errors that pass another on say the same words.
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line.replace('\n', " ")
}

fn quoted(tasks: &[TaskId]) -> String {
    tasks.iter().map(|task| format!("`{task}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_in_one_line_and_nothing_is_said_twice() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no\nsuch file");
        let read = mtpt_tasks::Error::from(mtpt_io::IoError::new("read", "a.tsv", source));
        // `Tasks` says what it passes on.
        assert_eq!(error_line(&Error::Tasks(read)), "cannot read `a.tsv`: no such file");
    }
}
