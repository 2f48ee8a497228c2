use std::path::Path;

use crate::content::ForeignContent;
use crate::error::Result;
use crate::fs;
use crate::npy::{NpyFile, is_npy};
use crate::npz::is_npz;
use crate::pytorch::PytorchFile;
use crate::safetensors::SafetensorsFile;
use crate::sharded::ShardedFiles;
use crate::source::TensorSource;

/// Extensions of files that `torch.save` wrote.
const PYTORCH: [&str; 4] = ["bin", "pt", "pth", "ckpt"];

/// Opens a file of tensors, or a folder that is a T5X checkpoint.
///
/// The extension `json` stands for the index of several files. The content of other files decides:
/// `.npy`, `.npz`, safetensors or PyTorch, whatever their names. If it is unclear, files with the
/// extensions `bin`, `pt`, `pth` and `ckpt` are PyTorch's, others are safetensors.
///
/// # Errors
///
/// When the file or folder cannot be read or is malformed.
pub fn open(path: &Path) -> Result<Box<dyn TensorSource>> {
    #[cfg(feature = "t5x")]
    if path.is_dir() {
        return Ok(Box::new(crate::t5x::checkpoint::Checkpoint::open(path)?));
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if extension == "json" {
        return Ok(Box::new(ShardedFiles::open(path, open)?));
    }
    let start = fs::read_start(path, 16)?;
    Ok(match extension {
        _ if is_npy(&start) || extension == "npy" => Box::new(NpyFile::open(path)?),
        _ if ForeignContent::is_zip(&start) && is_npz(path) => Box::new(NpyFile::open(path)?),
        _ if ForeignContent::is_zip(&start) => Box::new(PytorchFile::open(path)?),
        _ if starts_like_safetensors(&start) => Box::new(SafetensorsFile::open(path)?),
        extension if PYTORCH.contains(&extension) => Box::new(PytorchFile::open(path)?),
        _ => Box::new(SafetensorsFile::open(path)?),
    })
}

/// Returns whether a file starts with a length below 4 GB and a JSON object.
fn starts_like_safetensors(start: &[u8]) -> bool {
    start.get(4..8) == Some(&[0; 4]) && start.get(8) == Some(&b'{')
}
