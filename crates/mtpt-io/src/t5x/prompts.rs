use super::{Array, Checkpoint, Error, Result};

/// A prompt, or a part of one, in a checkpoint of prompt-tuning.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// Dotted name of the array: `target.encoder.prompt.prompt.prompt`.
    pub name: String,
    /// What it is.
    pub kind: PromptKind,
    /// Its numbers, along two axes.
    pub array: Array,
}

/// What an array of prompt-tuning is, by the end of its name (`prompt_tuning/prompts.py` and
/// `prompt_tuning/extended/multitask_prompts.py`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromptKind {
    /// `.prompt.prompt`: a whole prompt, `[length, d_model]`.
    Whole,
    /// `.prompt.shared_prompt`: the part that all tasks share, `[length, features]`.
    ///
    /// Features are the model's width, but for prompts that are concatenated along features or projected.
    Shared,
    /// `.prompt.task_prompts.embedding`: a row for each task, `[tasks, numbers]`.
    ///
    /// What the numbers are is known to the strategy alone, row after row: `length * d_model` for `Add`,
    /// `task_length * d_model` for `Concat`, `length * task_features` for `ConcatFeatures`, and for `Project` a kernel
    /// `d_model * features` and a bias `d_model`.
    Tasks,
}

/// Ends of names, and what they tell.
const ENDS: [(&str, PromptKind); 3] = [
    (".prompt.prompt", PromptKind::Whole),
    (".prompt.shared_prompt", PromptKind::Shared),
    (".prompt.task_prompts.embedding", PromptKind::Tasks),
];

/// How names begin of what the decoder has.
const DECODER: &str = "target.decoder.";

/// All prompts of a checkpoint, in the order of their names; other arrays, such as a model's, are not read.
///
/// # Errors
///
/// [`Error::NoPrompt`] if there is none, [`Error::DecoderPrompt`] if the decoder has one, [`Error::Form`] for one that does not have two axes, and whatever reading can
/// come to.
pub fn prompts(checkpoint: &Checkpoint) -> Result<Vec<Prompt>> {
    let mut prompts = Vec::new();
    for name in checkpoint.names() {
        let Some((_, kind)) = ENDS.iter().find(|(end, _)| name.ends_with(end)) else { continue };
        if name.starts_with(DECODER) {
            let (folder, array) = (checkpoint.folder().to_owned(), name.to_owned());
            return Err(Error::DecoderPrompt { folder, array });
        }
        let array = checkpoint.read(name)?;
        if array.shape.len() != 2 || array.values.is_empty() {
            return Err(Error::Form {
                path: checkpoint.folder().to_owned(),
                array: name.to_owned(),
                expected: "a prompt of two axes",
                found: format!("shape {:?}", array.shape),
            });
        }
        prompts.push(Prompt { name: name.to_owned(), kind: *kind, array });
    }
    if prompts.is_empty() {
        return Err(Error::NoPrompt { folder: checkpoint.folder().to_owned() });
    }
    Ok(prompts)
}
