//! Arrays of a T5X checkpoint that contain prompts of google-research/prompt-tuning.

use burn::tensor::TensorData;
use mtpt_io::TensorSource;
use mtpt_io::t5x::Checkpoint;

use crate::error::Result;
use crate::format_error::FormatError;

/// Name of the encoder's prompt.
pub(crate) const PROMPT_NAME: &str = "target.encoder.prompt.prompt.prompt";

/// Name of the shared prompt of a multitask prompt.
pub(crate) const SHARED_PROMPT_NAME: &str = "target.encoder.prompt.prompt.shared_prompt";

/// Name of the task parts of a multitask prompt.
pub(crate) const TASK_PROMPTS_NAME: &str = "target.encoder.prompt.prompt.task_prompts.embedding";

/// A prompt, or a part of one, in a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PromptArray {
    /// Dotted name of the array, such as `target.encoder.prompt.prompt.prompt`.
    pub(crate) name: String,
    pub(crate) kind: PromptKind,
    /// Values, a matrix.
    pub(crate) data: TensorData,
}

/// Kind of a prompt array, given by the end of its name (`prompt_tuning/prompts.py` and
/// `prompt_tuning/extended/multitask_prompts.py`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PromptKind {
    /// `.prompt.prompt`: a complete prompt, `[length, d_model]`.
    Whole,
    /// `.prompt.shared_prompt`: the shared prompt, `[length, features]`.
    ///
    /// `features` is `d_model`, except for prompts that are concatenated along the width or
    /// projected.
    Shared,
    /// `.prompt.task_prompts.embedding`: one flattened task part per row, `[tasks, size]`.
    ///
    /// See [`ArrayComposition`](crate::arrays::ArrayComposition) for their shapes.
    Tasks,
}

/// Ends of array names, with the kinds of the arrays.
const ENDS: [(&str, PromptKind); 3] = [
    (".prompt.prompt", PromptKind::Whole),
    (".prompt.shared_prompt", PromptKind::Shared),
    (".prompt.task_prompts.embedding", PromptKind::Tasks),
];

/// Start of the names of the decoder's arrays.
const DECODER: &str = "target.decoder.";

/// Reads all prompts of a checkpoint in the order of their names. Other arrays, such as the weights
/// of a model, are not read.
///
/// # Errors
///
/// - [`FormatError::NoT5xPrompt`] when there is none.
/// - [`FormatError::DecoderPrompt`] when the decoder has one.
/// - [`FormatError::Malformed`] when one is not a matrix.
/// - When an array cannot be read.
pub(crate) fn prompt_arrays(checkpoint: &Checkpoint) -> Result<Vec<PromptArray>> {
    let path = || checkpoint.path().to_owned();
    let mut prompts = Vec::new();
    for name in checkpoint.names() {
        let Some((_, kind)) = ENDS.iter().find(|(end, _)| name.ends_with(end)) else { continue };
        if name.starts_with(DECODER) {
            let array = name.to_owned();
            return Err(FormatError::DecoderPrompt { path: path(), array }.into());
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
        return Err(FormatError::NoT5xPrompt { path: path() }.into());
    }
    Ok(prompts)
}
