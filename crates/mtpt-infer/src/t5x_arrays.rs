//! The arrays in which prompt-tuning stores prompts in T5X checkpoints.

use burn::tensor::TensorData;
use mtpt_io::TensorSource;
use mtpt_io::t5x::Checkpoint;

use crate::error::{Error, Result};
use crate::format_error::FormatError;

/// The name under which prompt-tuning looks for a prompt of the encoder.
pub(crate) const PROMPT_NAME: &str = "target.encoder.prompt.prompt.prompt";

/// The name of the prompt that all tasks share, in a multi-task prompt of the encoder.
pub(crate) const SHARED_PROMPT_NAME: &str = "target.encoder.prompt.prompt.shared_prompt";

/// The name of the parts of all tasks, in a multi-task prompt of the encoder.
pub(crate) const TASK_PROMPTS_NAME: &str = "target.encoder.prompt.prompt.task_prompts.embedding";

/// A prompt, or a part of one, in a checkpoint of prompt-tuning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PromptArray {
    /// Dotted name of the array: `target.encoder.prompt.prompt.prompt`.
    pub(crate) name: String,
    /// The kind of prompt.
    pub(crate) kind: PromptKind,
    /// Its values, along two axes.
    pub(crate) data: TensorData,
}

/// The kind of an array of prompt-tuning, by the end of its name (`prompt_tuning/prompts.py` and
/// `prompt_tuning/extended/multitask_prompts.py`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PromptKind {
    /// `.prompt.prompt`: a whole prompt, `[length, d_model]`.
    Whole,
    /// `.prompt.shared_prompt`: the part that all tasks share, `[length, features]`.
    ///
    /// The number of features is `d_model`, except for prompts that are concatenated along features or
    /// projected.
    Shared,
    /// `.prompt.task_prompts.embedding`: a row for each task, `[tasks, values]`.
    ///
    /// The meaning of the values depends on the strategy: `length * d_model` values for `Add`,
    /// `task_length * d_model` for `Concat`, `length * task_features` for `ConcatFeatures`, and for
    /// `Project` a kernel `d_model * features` and a bias `d_model`.
    Tasks,
}

/// Ends of names and the kinds that they mean.
const ENDS: [(&str, PromptKind); 3] = [
    (".prompt.prompt", PromptKind::Whole),
    (".prompt.shared_prompt", PromptKind::Shared),
    (".prompt.task_prompts.embedding", PromptKind::Tasks),
];

/// Start of the names of the decoder's arrays.
const DECODER: &str = "target.decoder.";

/// Reads all prompts of a checkpoint in the order of their names. Other arrays, such as those of a model,
/// are not read.
///
/// # Errors
///
/// [`Error::NoT5xPrompt`] if there is none, [`Error::DecoderPrompt`] if the decoder has one,
/// [`FormatError::Malformed`] for one that doesn't have two axes, and when an array cannot be read.
pub(crate) fn prompt_arrays(checkpoint: &Checkpoint) -> Result<Vec<PromptArray>> {
    let folder = || checkpoint.path().to_owned();
    let mut prompts = Vec::new();
    for name in checkpoint.names() {
        let Some((_, kind)) = ENDS.iter().find(|(end, _)| name.ends_with(end)) else { continue };
        if name.starts_with(DECODER) {
            return Err(Error::DecoderPrompt { folder: folder(), array: name.to_owned() });
        }
        let data = checkpoint.read(name)?;
        if data.rank() != 2 || data.num_elements() == 0 {
            let shape = &data.shape()[..];
            let message = format!("`{name}`: expected a prompt of two axes, found shape {shape:?}");
            return Err(FormatError::malformed(checkpoint.path(), message).into());
        }
        prompts.push(PromptArray { name: name.to_owned(), kind: *kind, data });
    }
    if prompts.is_empty() {
        return Err(Error::NoT5xPrompt { folder: folder() });
    }
    Ok(prompts)
}
