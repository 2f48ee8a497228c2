use std::io;
use std::path::PathBuf;

use mtpt_tasks::{TaskId, did_you_mean};

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with prompts in use.
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
    /// A T5X checkpoint without prompts.
    #[cfg(feature = "t5x")]
    #[error(
        "`{}` has no prompt: expected an array whose name ends with `.prompt.prompt`, `.prompt.shared_prompt` or \
         `.prompt.task_prompts.embedding`",
        folder.display()
    )]
    NoT5xPrompt {
        /// The folder of the checkpoint.
        folder: PathBuf,
    },
    /// A T5X checkpoint with a prompt for the decoder.
    #[cfg(feature = "t5x")]
    #[error(
        "`{}` has a prompt for the decoder, `{array}`, which is not supported; only prompts of the encoder are",
        folder.display()
    )]
    DecoderPrompt {
        /// The folder of the checkpoint.
        folder: PathBuf,
        /// Dotted name of the array.
        array: String,
    },
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
    /// A name stands for none of the tasks at hand.
    #[error("unknown task `{found}`; known are {}{}", quoted(known), did_you_mean(found, known.iter().map(TaskId::as_str)))]
    UnknownTask {
        /// The name.
        found: String,
        /// The tasks at hand.
        known: Vec<TaskId>,
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
    /// Prompts with parts for groups would be those of other groups.
    #[error(
        "the names make another tree of groups than the one that the prompts have parts for; keep each task in its group"
    )]
    OtherTree,
    /// A file of a PEFT adapter cannot be used.
    #[error("`{path}`: {message}")]
    Adapter {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// An adapter of PEFT is of a type that is no prompt of an tokenizer.
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
