use std::io;
use std::path::{Path, PathBuf};

use mtpt_tasks::{TaskId, TomlProblem, did_you_mean};

use crate::NotFinite;
use crate::Stage;

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
    /// A safetensors file that is not a prompt file.
    #[error("`{path}` is not a prompt file: its metadata has no key `{expected}`")]
    NotAPromptFile {
        /// The file.
        path: PathBuf,
        /// The key of the metadata that marks a prompt file.
        expected: &'static str,
    },
    /// The tensors of a prompt file do not match the parameters of its composition.
    #[error("`{path}` does not match its composition")]
    PromptParameters {
        /// The file.
        path: PathBuf,
        /// The parameter that does not match.
        source: mtpt_core::Error,
    },
    /// A T5X checkpoint could not be read or written.
    #[cfg(feature = "t5x")]
    #[error(transparent)]
    T5x(#[from] mtpt_io::t5x::Error),
    /// Of a composition.
    #[error(transparent)]
    Composition(#[from] mtpt_compose::Error),
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
    /// A name stands for none of the tasks at hand.
    #[error("unknown task `{found}`; known are {}{}", quoted(known), did_you_mean(found, known.iter().map(TaskId::as_str)))]
    UnknownTask {
        /// The name.
        found: String,
        /// The tasks at hand.
        known: Vec<TaskId>,
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
    /// Prompts were trained for a model of another width.
    #[error("the prompts have width {found}, the model has `d_model` {expected}")]
    Width {
        /// Width of the model.
        expected: usize,
        /// Width of the prompts.
        found: usize,
    },
    /// A text turned into tokens that the model does not have.
    #[error(
        "the tokenizer does not fit the model: it gave token {token}, the model has {vocab_size} tokens"
    )]
    TokenBeyondVocabulary {
        /// The token.
        token: u32,
        /// Tokens of the model.
        vocab_size: usize,
    },
    /// Label words cannot be told apart by their tokens.
    #[error("task `{task}`: the label words `{first}` and `{second}` have the same tokens")]
    SameTokens {
        /// The task.
        task: TaskId,
        /// One word.
        first: String,
        /// The other.
        second: String,
    },
    /// A task's labels are free text, which the tokenizer at hand cannot read.
    #[error(
        "task `{task}` has free text as labels, but the tokenizer cannot turn tokens back into text"
    )]
    NoDetokenizer {
        /// The task.
        task: TaskId,
    },
    /// What a model wrote could not be turned into text.
    #[error("task `{task}`: what the model wrote has no text")]
    Detokenize {
        /// The task.
        task: TaskId,
        /// What the tokenizer said.
        #[source]
        source: mtpt_tasks::DetokenizeError,
    },
    /// A text could not be tokenized.
    #[error("cannot tokenize {what}")]
    Tokenize {
        /// The text's purpose.
        what: String,
        /// What the tokenizer said.
        #[source]
        source: mtpt_tasks::TokenizeError,
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
    /// The header of a prompt file is not what this project writes.
    #[error("`{path}`: the header of the prompt file is not understood")]
    Header {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A prompt file was written by another version of this project.
    #[error("`{path}` is a prompt file of version {found}, expected version {expected}")]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that is read here.
        expected: u32,
        /// The file's.
        found: u32,
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
    /// Prompts with parts for groups would be those of other groups.
    #[error(
        "the names make another tree of groups than the one that the prompts have parts for; keep each task in its group"
    )]
    OtherTree,
    /// Trained prompts cannot be gone on from.
    #[error("cannot start from `{path}`: {reason}")]
    StartFrom {
        /// The prompts.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A file of a PEFT adapter cannot be used.
    #[error("`{path}`: {message}")]
    Adapter {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// An adapter of PEFT is of a type that is no prompt of an encoder.
    #[error(
        "`{path}`: expected an adapter of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`, found `{found}`{}",
        listed(beside)
    )]
    AdapterType {
        /// The configuration.
        path: PathBuf,
        /// The adapter's type.
        found: String,
        /// Tensors that it has beside a prompt.
        beside: Vec<String>,
    },
    /// An array is no prompt.
    #[error("`{path}`: {message}")]
    PromptArray {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A folder is neither an adapter nor one of arrays.
    #[error(
        "`{path}` is a folder without prompts: expected `adapter_config.json` of an adapter of PEFT in it, or the arrays \
         `shared_prompt.npy` and `task_prompts.npy`"
    )]
    NoPrompts {
        /// The folder.
        path: PathBuf,
    },
    /// Arrays of a shared prompt and parts of tasks do not tell how they are composed.
    #[error(
        "nothing in `{path}` tells how its arrays are composed: by `add`, `concat`, `concat_features` or `project`"
    )]
    UnknownComposition {
        /// The folder.
        path: PathBuf,
    },
    /// The file that names the tasks of prompts does not fit the tensors beside it.
    #[error(
        "`{path}` tells of another {what} than the tensors beside it: {expected}, found {found}; remove it to go by the \
         tensors alone"
    )]
    TasksBeside {
        /// The file.
        path: PathBuf,
        /// What differs: `composition`, `shape`, `number of tasks`.
        what: &'static str,
        /// What the file tells.
        expected: String,
        /// What the tensors are.
        found: String,
    },
    /// A format of another program has no form for prompts of several tasks that are composed so.
    #[error(
        "prompts of several tasks composed by `{strategy}` cannot be {form}; each of them can, composed for itself: {}",
        quoted(tasks)
    )]
    NoForm {
        /// How they are composed.
        strategy: &'static str,
        /// What the format has.
        form: &'static str,
        /// The tasks.
        tasks: Vec<TaskId>,
    },
    /// Names were given for more or fewer tasks than there are.
    #[error("the prompts are for {expected} tasks, but {found} were named")]
    TaskCount {
        /// Tasks of the prompts.
        expected: usize,
        /// Names given.
        found: usize,
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

/// The first of the tensors that are no part of a prompt, and how many more there are.
fn listed(tensors: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = tensors.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match tensors.len() {
        0 => String::new(),
        count if count > SHOWN => format!(
            ", which changes the model by more than a prompt: {} and {} more tensors",
            shown.join(", "),
            count - SHOWN
        ),
        _ => format!(", which changes the model by more than a prompt: {}", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_in_one_line_and_nothing_is_said_twice() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no\nsuch file");
        let read = mtpt_tasks::Error::Read { path: "a.tsv".into(), source };
        // `Tasks` says what it passes on.
        assert_eq!(error_line(&Error::Tasks(read)), "cannot read `a.tsv`: no such file");
    }
}
