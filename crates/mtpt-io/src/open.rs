use std::io::Read;
use std::path::Path;

use crate::error::Result;
use crate::fs::{self, IoError};
use crate::npy::{NpyFile, is_npy};
use crate::pytorch::PytorchFile;
use crate::safetensors::SafetensorsFile;
use crate::sharded::{ShardedFiles, shard_names};
use crate::source::TensorSource;

/// Extensions of files that `torch.save` wrote.
const PYTORCH: [&str; 3] = ["bin", "pt", "pth"];

/// Opens a file of tensors, or a folder that is a T5X checkpoint.
///
/// The format is `.npy` if the file starts like one, whatever its name. Otherwise the extension
/// decides: `json` is the index of several files, `bin`, `pt` and `pth` are PyTorch's, `npy` is
/// numpy's. Other files are read as safetensors.
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
    Ok(match extension {
        "json" => {
            let shards = shard_names(path)?;
            let shards = shards.iter().map(|name| open(&path.with_file_name(name)));
            Box::new(ShardedFiles::new(path, shards.collect::<Result<_>>()?))
        }
        extension if PYTORCH.contains(&extension) => Box::new(PytorchFile::open(path)?),
        extension if extension == "npy" || starts_like_npy(path)? => Box::new(NpyFile::open(path)?),
        _ => Box::new(SafetensorsFile::open(path)?),
    })
}

fn starts_like_npy(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let mut file = fs::open(path)?.take(16);
    file.read_to_end(&mut start).map_err(IoError::with("read", path))?;
    Ok(is_npy(&start))
}
