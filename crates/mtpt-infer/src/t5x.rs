//! Prompts in checkpoints of T5X, as google-research/prompt-tuning trains and reads them: beside a model, or alone.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use mtpt_io::t5x::{CHECKPOINT_FILE, Checkpoint, checkpoint_bytes};

use crate::arrays;
use crate::arrays::{ArrayComposition, MultitaskArrays};
use crate::error::{Error, Result};
use crate::npy;
use crate::prompt_files::PromptFiles;
use crate::prompts::Prompts;
use crate::sidecar;
use crate::t5x_arrays::{
    PROMPT_NAME, PromptArray, PromptKind, SHARED_PROMPT_NAME, TASK_PROMPTS_NAME, prompt_arrays,
};

/// Reads the prompts of a checkpoint: that of one task, or a shared prompt and the parts of all tasks, which are composed as
/// told, or as the file beside them says.
///
/// # Errors
///
/// When the checkpoint is malformed, has no prompt ([`Error::NoT5xPrompt`]), holds several ([`Error::PromptArray`]), or nothing
/// tells how parts are composed ([`Error::UnknownComposition`]).
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
            let place = folder.join(name);
            let (shared, tasks) = (shared.clone(), tasks.clone());
            arrays::compose(folder, composition, shared, (tasks, &place), device)
        }
        several => {
            let names: Vec<&str> = several.iter().map(|prompt| prompt.name.as_str()).collect();
            let message = format!(
                "expected one prompt, or a shared prompt and those of tasks, found {}",
                names.join(", ")
            );
            Err(Error::PromptArray { path: folder.to_owned(), message })
        }
    }
}

/// The files of a checkpoint that holds prompts alone.
///
/// # Errors
///
/// [`Error::NoForm`] when there is no form for several tasks that are composed so.
pub(crate) fn files(prompts: &Prompts, folder: &Path) -> Result<PromptFiles> {
    let mut files = Vec::new();
    let arrays = match ArrayComposition::of(&prompts.header().composition) {
        Some(composition) => {
            let MultitaskArrays { header, shared, tasks } = arrays::arrays(prompts, composition);
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
