use std::path::{Path, PathBuf};

use mtpt_io::IoError;
use mtpt_tasks::task::TaskNameError;
use mtpt_tasks::{SourceLocation, TaskId, counted, excerpt};
use serde_json::error::Category;

use crate::format_error::FormatError;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Errors of using trained prompts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Error of tasks or their data.
    #[error(transparent)]
    Tasks(#[from] mtpt_tasks::Error),
    /// Values don't match the parameters of a composition.
    #[error(transparent)]
    Parameters(#[from] mtpt_core::Error),
    /// A file or folder could not be accessed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A file of tensors could not be read or written.
    #[error(transparent)]
    Tensors(#[from] mtpt_io::TensorError),
    /// Error of prompts in the format of another program.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Error of a composition.
    #[error(transparent)]
    Composition(#[from] mtpt_compose::Error),
    /// A safetensors file is not a prompt file.
    #[error("`{path}` is not a prompt file: its metadata has no key `{expected}`")]
    NotAPromptFile {
        /// The file.
        path: PathBuf,
        /// Metadata key that marks a prompt file.
        expected: &'static str,
    },
    /// The tensors of a prompt file don't match the parameters of its composition.
    #[error("`{path}` does not match its composition")]
    PromptParameters {
        /// The file.
        path: PathBuf,
        /// Error of the first parameter that doesn't match.
        source: mtpt_core::Error,
    },
    /// The header of a prompt file is malformed.
    #[error("`{path}`: cannot parse the header of the prompt file: {problem}")]
    Header {
        /// The file.
        path: PathBuf,
        /// The problem, and what to do.
        problem: String,
    },
    /// The header of a prompt file describes far more values than its tensors have.
    #[error(
        "`{path}`: its header describes {claimed} values (`{strategy}` of a prompt {shape:?} for \
         {}), but its tensors have {found}; use a file that mtpt wrote",
        counted(*tasks, "task")
    )]
    ClaimedSize {
        /// The file.
        path: PathBuf,
        /// Shape of the shared prompt.
        shape: [usize; 2],
        /// Name of the strategy.
        strategy: &'static str,
        /// Number of tasks.
        tasks: usize,
        /// Number of values by the header.
        claimed: usize,
        /// Number of values of the tensors.
        found: usize,
    },
    /// A prompt file has an unsupported version.
    #[error(
        "`{path}` is a prompt file of version {found}, expected version {expected}; use an mtpt \
         release that supports version {found}"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The supported version.
        expected: u32,
        /// Version of the file.
        found: u32,
    },
    /// A composition has another number of vectors for the decoder than its prompt file specifies.
    #[error(
        "`{path}` specifies {expected} vectors for the decoder, but the composition has {found}; \
         implement `Compose::decoder_vectors`"
    )]
    DecoderLength {
        /// The file.
        path: PathBuf,
        /// Number of vectors in the header.
        expected: usize,
        /// Number of vectors of the composition.
        found: usize,
    },
    /// A name is not that of a task.
    #[error(transparent)]
    TaskName(#[from] TaskNameError),
    /// The number of new task names is not the number of tasks.
    #[error(
        "the prompts are for {}, but {} {} given",
        counted(*expected, "task"), counted(*found, "name"), if *found == 1 { "was" } else { "were" }
    )]
    TaskCount {
        /// Number of tasks.
        expected: usize,
        /// Number of names.
        found: usize,
    },
    /// New task names form other groups than the prompts have parameters for.
    #[error(
        "the new task names form other groups than the prompts were trained with; keep each task \
         in its group"
    )]
    GroupsChanged,
    /// The prompts don't have the width of the model.
    #[error(
        "the prompts have width {found}, the model has `d_model` {expected}; use prompts trained \
         for this model"
    )]
    Width {
        /// Width of the model.
        expected: usize,
        /// Width of the prompts.
        found: usize,
    },
    /// A text could not be tokenized.
    #[error("cannot tokenize {what}")]
    Tokenize {
        /// Description of the text.
        what: String,
        /// Error of the tokenizer.
        #[source]
        source: mtpt_tasks::TokenizeError,
    },
    /// The tokenizer returned a token that the model doesn't have.
    #[error(
        "the tokenizer does not fit the model: it returned token {token}, but the model has \
         {vocab_size} tokens; use the tokenizer of this model"
    )]
    TokenBeyondVocabulary {
        /// The token.
        token: u32,
        /// Number of tokens of the model.
        vocab_size: usize,
    },
    /// Two label words have the same tokens.
    #[error(
        "task `{task}`: the label words `{}` and `{}` have the same tokens",
        excerpt(first),
        excerpt(second)
    )]
    SameTokens {
        /// The task.
        task: TaskId,
        /// The first word.
        first: String,
        /// The second word.
        second: String,
    },
    /// A task generates text, which the tokenizer cannot convert from tokens.
    #[error(
        "task `{task}` has free text as labels, but the tokenizer cannot convert tokens to text; \
         use one that can"
    )]
    NoDetokenizer {
        /// The task.
        task: TaskId,
    },
    /// A result is infinite or NaN.
    #[error(
        "{}: the log-probability of a candidate is {value}; the values of the model or of the \
         prompt are too large for its precision",
        location.as_ref().map_or_else(|| format!("row {row}"), ToString::to_string)
    )]
    NotFinite {
        /// Index of the row among those that were computed, counted from 0.
        row: usize,
        /// Where the row was read from, if it was read from a file.
        location: Option<SourceLocation>,
        /// The result.
        value: f64,
    },
    /// A row is too long for the memory that attention may take.
    #[error(
        "{}the {what} has {tokens} tokens, more than the {limit} for which the memory of this \
         model's attention is limited; shorten it{}",
        location.as_ref().map_or_else(String::new, |location| format!("{location}: ")),
        if *what == "input" { ", or set a lower maximum length" } else { "" }
    )]
    TooLong {
        /// Where the row was read from, if it was read from a file.
        location: Option<SourceLocation>,
        /// The input or the target.
        what: &'static str,
        /// Its number of tokens.
        tokens: usize,
        /// Maximum number of tokens.
        limit: usize,
    },
    /// The model cannot generate text with its decoding settings.
    #[error("cannot generate text")]
    Generate {
        /// Error of the model.
        #[source]
        source: mtpt_core::GenerateError,
    },
    /// Generated tokens could not be converted to text.
    #[error("task `{task}`: cannot convert the generated tokens to text")]
    Detokenize {
        /// The task.
        task: TaskId,
        /// Error of the tokenizer.
        #[source]
        source: mtpt_tasks::DetokenizeError,
    },
    /// A row lacks a field of its task's template, or `input` if the task has no template.
    #[error(
        "{}; found no `{field}`",
        match template {
            Some(template) => {
                format!("expected `input`, or the fields of the task's template `{template}`")
            }
            None => "expected `input`".to_owned(),
        }
    )]
    MissingField {
        /// The template, if the task has one.
        template: Option<String>,
        /// The missing field.
        field: String,
    },
    /// A row lacks a candidate.
    #[error("expected a candidate in the field `{field}`, found none")]
    MissingCandidate {
        /// The field.
        field: String,
    },
    /// A task's input consists of several fields, and only one text is given for it.
    #[error(
        "task `{task}`: its template `{template}` has several fields; give a value for each of them"
    )]
    SeveralFields {
        /// The task.
        task: TaskId,
        /// The template.
        template: String,
    },
}

impl Error {
    /// Returns the error about a header that the parser refused.
    pub(crate) fn header(path: &Path, text: &[u8], error: &serde_json::Error) -> Self {
        let problem = match error.classify() {
            _ if text.is_empty() => "it is empty, as in a checkpoint; pass the folder of the run, \
                                     or its `prompts.safetensors`"
                .to_owned(),
            Category::Data => {
                // The position is one in the metadata, which the user doesn't see.
                let text = error.to_string();
                let problem = text.rsplit_once(" at line ").map_or(&*text, |(problem, _)| problem);
                return Self::header_problem(path, problem);
            }
            _ => return Self::header_problem(path, "expected a JSON object"),
        };
        Self::Header { path: path.to_owned(), problem }
    }

    /// Returns the error about a header with a problem.
    pub(crate) fn header_problem(path: &Path, problem: &str) -> Self {
        let problem = format!("{problem}; use a file that mtpt wrote");
        Self::Header { path: path.to_owned(), problem }
    }

    /// Returns the failed access to a file, if that is the cause.
    pub fn io_error(&self) -> Option<&IoError> {
        match self {
            Self::Io(error) => Some(error),
            Self::Tensors(error) => error.io_error(),
            Self::Tasks(error) => error.io_error(),
            _ => None,
        }
    }
}
