//! Prompts in T5X checkpoints of google-research/prompt-tuning, with or without the model.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use mtpt_io::t5x::{CHECKPOINT_FILE, Checkpoint, checkpoint_bytes};

use crate::arrays;
use crate::arrays::{ArrayComposition, MultitaskArrays};
use crate::error::Result;
use crate::exported_files::PromptFiles;
use crate::format_error::FormatError;
use crate::npy;
use crate::prompts::Prompts;
use crate::sidecar;
use crate::t5x_arrays::{
    PROMPT_NAME, PromptArray, PromptKind, SHARED_PROMPT_NAME, TASK_PROMPTS_NAME, prompt_arrays,
};

/// Reads the prompts of a checkpoint: the prompt of one task, or a shared prompt and task parts.
///
/// The composition of task parts comes from the sidecar file unless it is given.
///
/// # Errors
///
/// - [`FormatError::NoT5xPrompt`] when the checkpoint contains no prompt.
/// - [`FormatError::DecoderPrompt`] when the decoder has a prompt.
/// - [`Error::Tensors`](crate::Error::Tensors) when the checkpoint is malformed.
/// - [`FormatError::Malformed`] when it contains several prompts.
/// - [`FormatError::UnknownComposition`] when no composition is specified for task parts.
pub(crate) fn read(
    folder: &Path,
    composition: Option<ArrayComposition>,
    device: &Device,
) -> Result<Prompts> {
    let mut found = prompt_arrays(&Checkpoint::open(folder)?)?;
    found.sort_by_key(|prompt| prompt.kind != PromptKind::Shared);
    match found.as_slice() {
        [PromptArray { kind: PromptKind::Whole, data, .. }] => {
            npy::plain(data.clone(), folder, device)
        }
        [
            PromptArray { kind: PromptKind::Shared, data: shared, .. },
            PromptArray { kind: PromptKind::Tasks, data: tasks, name },
        ] => {
            let path = folder.join(name);
            let (shared, tasks) = (shared.clone(), tasks.clone());
            arrays::from_arrays(folder, composition, shared, (tasks, &path), device)
        }
        several => {
            let names: Vec<&str> = several.iter().map(|prompt| prompt.name.as_str()).collect();
            let message = format!(
                "expected one prompt, or one shared prompt with task prompts, found {}",
                names.join(", ")
            );
            Err(FormatError::malformed(folder, message).into())
        }
    }
}

/// Exports prompts to a checkpoint that contains nothing else.
///
/// # Errors
///
/// [`FormatError::NotRepresentable`] for several tasks with an unsupported composition.
pub(crate) fn files(prompts: &Prompts, folder: &Path) -> Result<PromptFiles> {
    let mut files = Vec::new();
    let arrays = match ArrayComposition::from_config(&prompts.header().composition) {
        Some(composition) => {
            let MultitaskArrays { header, shared, tasks } = arrays::to_arrays(prompts, composition);
            files.push(sidecar::file(folder, &header)?);
            BTreeMap::from([
                (SHARED_PROMPT_NAME.to_owned(), shared),
                (TASK_PROMPTS_NAME.to_owned(), tasks),
            ])
        }
        None => {
            let prompt = npy::only_prompt(prompts)?;
            BTreeMap::from([(PROMPT_NAME.to_owned(), prompt)])
        }
    };
    let step = i32::try_from(prompts.header().steps).unwrap_or(i32::MAX);
    files.push((folder.join(CHECKPOINT_FILE), checkpoint_bytes(folder, &arrays, step)?));
    Ok(PromptFiles::new(files))
}
