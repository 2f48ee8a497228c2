use std::path::{Path, PathBuf};

use mtpt_tasks::TaskId;

/// Errors of reading and writing prompts in the formats of other programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A file is malformed or has unexpected content.
    #[error("`{path}`: {message}")]
    Malformed {
        /// The file or folder.
        path: PathBuf,
        /// Description of the problem.
        message: String,
    },
    /// A PEFT adapter has a type other than prompt tuning of the encoder.
    #[error(
        "`{path}`: expected an adapter of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`, found \
         `{found}`{}",
        listed(other_tensors)
    )]
    AdapterType {
        /// The configuration file.
        path: PathBuf,
        /// Type of the adapter.
        found: String,
        /// Tensors of the adapter other than the prompt.
        other_tensors: Vec<String>,
    },
    /// A folder contains neither a PEFT adapter nor prompt arrays.
    #[error(
        "`{path}` contains no prompts: expected a PEFT adapter (`adapter_config.json`), or the \
         arrays `shared_prompt.npy` and `task_prompts.npy`"
    )]
    NoPrompts {
        /// The folder.
        path: PathBuf,
    },
    /// A T5X checkpoint contains no prompt.
    #[cfg(feature = "t5x")]
    #[error(
        "`{path}` has no prompt: expected an array whose name ends with `.prompt.prompt`, \
         `.prompt.shared_prompt` or `.prompt.task_prompts.embedding`"
    )]
    NoT5xPrompt {
        /// The folder of the checkpoint.
        path: PathBuf,
    },
    /// A T5X checkpoint has a prompt for the decoder.
    #[cfg(feature = "t5x")]
    #[error(
        "`{path}` has a prompt for the decoder, `{array}`, which is not supported; only prompts of \
         the encoder are"
    )]
    DecoderPrompt {
        /// The folder of the checkpoint.
        path: PathBuf,
        /// Dotted name of the array.
        array: String,
    },
    /// No composition is specified for a shared prompt and task parts.
    #[error(
        "`{path}` does not specify how its arrays are composed: expected one of `add`, `concat`, \
         `concat_features`, `project`"
    )]
    UnknownComposition {
        /// The folder.
        path: PathBuf,
    },
    /// The sidecar file describes other tensors than the ones next to it.
    #[error(
        "`{path}` specifies {what} {specified}, but the tensors next to it have {found}; remove \
         the file to use the tensors alone"
    )]
    Sidecar {
        /// The sidecar file.
        path: PathBuf,
        /// Name of the differing property: `composition`, `shape`, `number of tasks`.
        what: &'static str,
        /// Value in the sidecar file.
        specified: String,
        /// Value of the tensors.
        found: String,
    },
    /// A format cannot represent the composition of several tasks.
    #[error(
        "prompts of several tasks composed by `{strategy}` cannot be exported {format}; export one \
         task at a time: {}",
        quoted(tasks)
    )]
    NotRepresentable {
        /// The composition strategy.
        strategy: &'static str,
        /// The format and its limits in words.
        format: &'static str,
        /// The tasks.
        tasks: Vec<TaskId>,
    },
}

impl FormatError {
    /// Creates [`FormatError::Malformed`].
    pub(crate) fn malformed(path: &Path, message: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), message: message.into() }
    }
}

/// Lists the first tensors that are not part of a prompt, and the number of further ones.
fn listed(tensors: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown: Vec<String> = tensors.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match tensors.len() {
        0 => String::new(),
        count if count > SHOWN => format!(
            ", which contains more than a prompt: {} and {} more tensors",
            shown.join(", "),
            count - SHOWN
        ),
        _ => format!(", which contains more than a prompt: {}", shown.join(", ")),
    }
}

/// Lists task names in an error message.
pub(crate) fn quoted(tasks: &[TaskId]) -> String {
    tasks.iter().map(|task| format!("`{task}`")).collect::<Vec<_>>().join(", ")
}
