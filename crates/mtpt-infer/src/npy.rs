use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, TensorData};
use mtpt_compose::{CompositionConfig, SeparateConfig};
use mtpt_io::npy::{npy_bytes, read_npy};

use crate::error::{Error, Result};
use crate::prompt_files::PromptFiles;
use crate::prompts::{PromptHeader, Prompts};

/// Reads one prompt `[length, d_model]` from a `.npy` file, as google-research/prompt-tuning writes it, for the task
/// `task0`.
///
/// The name of the file does not matter: the numpy checkpoints of that project have no ending
/// (`numpy_checkpoints/checkpoint_1000/encoder.prompt.prompt.prompt`).
///
/// # Errors
///
/// When the file cannot be read, is malformed, or is no prompt.
pub(crate) fn read(path: &Path, device: &Device) -> Result<Prompts> {
    plain(read_npy(path)?, path, device)
}

/// The prompts of an only task `task0` whose prompt is given; the path is for messages.
pub(crate) fn plain(data: TensorData, path: &Path, device: &Device) -> Result<Prompts> {
    let [length, d_model] = matrix_shape(&data, "[length, d_model]", path)?;
    let composition = CompositionConfig::Separate(SeparateConfig::default());
    let header = PromptHeader::unnamed(composition, length, d_model, 1);
    Prompts::from_tensors(BTreeMap::from([("tasks.0".to_owned(), data)]), header, device)
}

/// The prompt of the one task of plain prompts, as a `.npy` file.
///
/// # Errors
///
/// [`Error::NoForm`] for several tasks, or a prompt that is composed.
pub(crate) fn files(prompts: &Prompts, path: &Path) -> Result<PromptFiles> {
    Ok(PromptFiles::new(vec![file(path, &only_prompt(prompts)?)]))
}

/// The prompt of the one task of plain prompts.
///
/// # Errors
///
/// [`Error::NoForm`] for several tasks, or a prompt that is composed.
pub(crate) fn only_prompt(prompts: &Prompts) -> Result<TensorData> {
    let PromptHeader { composition, tasks, .. } = prompts.header();
    match (composition, tasks.as_slice()) {
        (CompositionConfig::Separate(_), [_]) => Ok(prompts.tensors()["tasks.0"].clone()),
        _ => Err(Error::NoForm {
            strategy: composition.name(),
            form: "arrays of prompt-tuning, which are the prompt of one task, or a shared prompt with parts of tasks that are added, \
                   concatenated or projected, in a folder",
            tasks: tasks.iter().map(|task| task.name.clone()).collect(),
        }),
    }
}

/// A `.npy` file and its bytes.
pub(crate) fn file(path: &Path, data: &TensorData) -> (PathBuf, Vec<u8>) {
    (path.to_owned(), npy_bytes(data))
}

/// The shape of an array with the two dimensions that are expected, neither of which is empty.
pub(crate) fn matrix_shape(data: &TensorData, expected: &str, path: &Path) -> Result<[usize; 2]> {
    match data.shape()[..] {
        [rows, columns] if rows > 0 && columns > 0 => Ok([rows, columns]),
        _ => Err(Error::PromptArray {
            path: path.to_owned(),
            message: format!(
                "expected an array `{expected}`, found shape {:?}",
                data.shape().as_slice()
            ),
        }),
    }
}
