//! The prompt of one task in a `.npy` file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, TensorData};
use mtpt_compose::{CompositionConfig, SeparateConfig};
use mtpt_io::npy::{npy_bytes, read_npy};

use crate::error::Result;
use crate::exported_files::PromptFiles;
use crate::format_error::FormatError;
use crate::header::PromptHeader;
use crate::prompts::Prompts;

/// Reads a prompt `[length, d_model]` that google-research/prompt-tuning wrote. Its task is
/// `task0`.
///
/// The file name is irrelevant, since the numpy checkpoints of that project have no extension
/// (`numpy_checkpoints/checkpoint_1000/encoder.prompt.prompt.prompt`).
///
/// # Errors
///
/// When the file cannot be read, is malformed, or is not a prompt.
pub(crate) fn read(path: &Path, device: &Device) -> Result<Prompts> {
    plain(read_npy(path)?, path, device)
}

/// Creates prompts for the task `task0` from its prompt. `path` is used in error messages only.
pub(crate) fn plain(data: TensorData, path: &Path, device: &Device) -> Result<Prompts> {
    let [length, d_model] = matrix_shape(&data, "[length, d_model]", path)?;
    let composition = CompositionConfig::Separate(SeparateConfig::default());
    let header = PromptHeader::unnamed(composition, length, d_model, 1);
    Prompts::from_tensors(BTreeMap::from([("tasks.0".to_owned(), data)]), header, device)
}

/// Exports plain prompts of one task to a `.npy` file.
///
/// # Errors
///
/// [`FormatError::NotRepresentable`] for several tasks, or a prompt that is not plain.
pub(crate) fn files(prompts: &Prompts, path: &Path) -> Result<PromptFiles> {
    Ok(PromptFiles::new(vec![file(path, &only_prompt(prompts)?)]))
}

/// Returns the prompt of plain prompts with one task.
///
/// # Errors
///
/// [`FormatError::NotRepresentable`] for several tasks, or a prompt that is not plain.
pub(crate) fn only_prompt(prompts: &Prompts) -> Result<TensorData> {
    let header = prompts.header();
    match (&header.composition, header.tasks.as_slice()) {
        (CompositionConfig::Separate(_), [_]) => Ok(prompts.tensors()["tasks.0"].clone()),
        _ => Err(header.not_representable(
            "as prompt-tuning arrays, which support `add`, `concat`, `concat_features` and \
             `project` in a folder, or one task in a file",
        )),
    }
}

/// Returns the path and content of a `.npy` file.
pub(crate) fn file(path: &Path, data: &TensorData) -> (PathBuf, Vec<u8>) {
    (path.to_owned(), npy_bytes(data))
}

/// Returns the shape of a non-empty matrix. `expected` names the dimensions in the error message.
pub(crate) fn matrix_shape(data: &TensorData, expected: &str, path: &Path) -> Result<[usize; 2]> {
    match data.shape()[..] {
        [rows, columns] if rows > 0 && columns > 0 => Ok([rows, columns]),
        _ => Err(FormatError::malformed(
            path,
            format!("expected an array `{expected}`, found shape {:?}", data.shape().as_slice()),
        )
        .into()),
    }
}
