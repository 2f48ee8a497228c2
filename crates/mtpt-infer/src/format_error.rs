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
    /// A PEFT adapter has a type other than prompt tuning.
    #[error(
        "`{path}`: expected an adapter of type `PROMPT_TUNING` or `MULTITASK_PROMPT_TUNING`, found \
         `{found}`{}{}",
        listed(other_tensors),
        advice(found)
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
    #[error("`{path}` contains no prompts{}", suggested(below, *is_model))]
    NoPrompts {
        /// The folder.
        path: PathBuf,
        /// Whether it contains the configuration of a model.
        is_model: bool,
        /// Adapters and prompt files in folders below.
        below: Vec<PathBuf>,
    },
    /// A path is part of the checkpoints of a training run.
    #[error(
        "`{path}` belongs to the checkpoints of the run `{run}`, which only continue it \
         (`--resume`); {}",
        match has_prompts {
            true => format!("pass the run, `{}`, for its best prompts", run.display()),
            false => "the run has no prompts yet".to_owned(),
        }
    )]
    Checkpoint {
        /// The path.
        path: PathBuf,
        /// The folder of the run.
        run: PathBuf,
        /// Whether the run has written its best prompts.
        has_prompts: bool,
    },
    /// A training run has not written its prompts yet.
    #[error("the run in `{path}` has no prompts yet: it writes them after its first evaluation")]
    NoPromptsYet {
        /// The folder.
        path: PathBuf,
    },
    /// The weights of an adapter have no configuration.
    #[error(
        "`{path}` contains the weights of an adapter, but no `adapter_config.json`; copy all files \
         of the adapter"
    )]
    NoAdapterConfig {
        /// The folder.
        path: PathBuf,
    },
    /// The folder of an adapter has no weights.
    #[error(
        "`{path}` contains an `adapter_config.json`, but no weights: expected \
         `adapter_model.safetensors` or `adapter_model.bin`; copy all files of the adapter"
    )]
    NoAdapterWeights {
        /// The folder.
        path: PathBuf,
    },
    /// A tensor of an adapter has another shape than its configuration describes.
    #[error(
        "tensor `{tensor}` in `{path}`: expected shape {:?}, found {:?}; \
         `adapter_config.json` specifies `num_virtual_tokens` {virtual_tokens} and \
         `num_transformer_submodules` {submodules}, so use the configuration that was saved with \
         these weights",
        shapes[0],
        shapes[1]
    )]
    AdapterShape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Shape according to the configuration, and in the file.
        shapes: Box<[Vec<usize>; 2]>,
        /// Number of vectors per submodule in the configuration.
        virtual_tokens: usize,
        /// Number of submodules, from the configuration or PEFT's default.
        submodules: usize,
    },
    /// A tensor of an adapter has no values.
    #[error(
        "tensor `{tensor}` in `{path}` has no values, which is what a process of DeepSpeed ZeRO-3 \
         saves without gathering the parameters: save the adapter again with \
         `stage3_gather_16bit_weights_on_model_save`, or convert the checkpoint with \
         `zero_to_fp32.py`"
    )]
    EmptyTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor of an adapter has the name that it has within a model.
    #[error(
        "`{path}` has no tensor `{expected}`, but `{found}`, so it was not written by PEFT's \
         `save_pretrained`, and PEFT doesn't read it: save the adapter with `save_pretrained`, or \
         rename the tensor to `{expected}`"
    )]
    RenamedTensor {
        /// The file.
        path: PathBuf,
        /// Name of the tensor in files of PEFT.
        expected: String,
        /// Name of the tensor in this file.
        found: String,
    },
    /// PEFT has as many vectors for the decoder as for the encoder.
    #[error(
        "prompts with {length} vectors for the encoder and {decoder_length} for the decoder cannot \
         be exported to an adapter of PEFT, which has the same number of both; train them with \
         `prompt.decoder_length = {length}` or without it"
    )]
    DecoderLength {
        /// Number of vectors for the encoder.
        length: usize,
        /// Number of vectors for the decoder.
        decoder_length: usize,
    },
    /// A format has no prompts of the decoder.
    #[error(
        "prompts with {decoder_length} vectors for the decoder cannot be exported as \
         prompt-tuning arrays, which are for the encoder only; export them to PEFT"
    )]
    NoDecoderVectors {
        /// Number of vectors for the decoder.
        decoder_length: usize,
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

/// Names the prompts below a folder, or what was expected in it.
fn suggested(paths: &[PathBuf], is_model: bool) -> String {
    const SHOWN: usize = 8;
    let shown = paths.iter().take(SHOWN).map(|path| format!("`{}`", path.display()));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match paths.len() {
        0 if is_model => ", but a model: pass it as `--model`".to_owned(),
        0 => ": expected those of a run (`prompts.safetensors`), a PEFT adapter \
              (`adapter_config.json`), or the arrays `shared_prompt.npy` and `task_prompts.npy`"
            .to_owned(),
        1 => format!(", but {shown} does: pass that path"),
        count => {
            let more = match count.saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(", but these paths do; pass one of them: {shown}{more}")
        }
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

/// Returns what to do with an adapter of a type of PEFT that is not supported.
fn advice(found: &str) -> &'static str {
    match found {
        "PREFIX_TUNING" | "P_TUNING" | "CPT" | "CARTRIDGE" | "ADAPTION_PROMPT" => {
            "; train a prompt with `mtpt train`, or with PEFT's `PromptTuningConfig`"
        }
        // Types of forks.
        _ if found.contains("PROMPT") => "",
        _ => {
            "; merge it into the model with PEFT's `merge_and_unload`, save the result with \
             `save_pretrained`, and pass it as `--model`"
        }
    }
}

/// Lists task names in an error message.
pub(crate) fn quoted(tasks: &[TaskId]) -> String {
    tasks.iter().map(|task| format!("`{task}`")).collect::<Vec<_>>().join(", ")
}
