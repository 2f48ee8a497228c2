//! Tensors of an opened file.

use mtpt::io::{TensorError, TensorSource};

/// Reads all tensors of a file and returns their number.
pub(super) fn read_all(source: &dyn TensorSource) -> Result<usize, TensorError> {
    let names: Vec<&str> = source.names().collect();
    for name in &names {
        source.dtype(name);
        source.read(name)?;
    }
    Ok(names.len())
}
