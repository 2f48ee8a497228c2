use std::path::Path;

use burn::tensor::TensorData;

use crate::error::{Result, TensorError};

/// Named tensors in a file or folder, read one at a time.
///
/// Opening a source reads names, shapes and types only, so that loading needs little more memory
/// than the tensors that are kept.
pub trait TensorSource {
    /// Returns the file or folder, for messages.
    fn path(&self) -> &Path;

    /// Returns the names of all tensors in alphabetical order.
    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_>;

    /// Returns the shape of a tensor, `None` if there is no such tensor.
    fn shape(&self, name: &str) -> Option<&[usize]>;

    /// Returns the type of a tensor's elements in the words of the file format, `None` if there is
    /// no such tensor.
    fn dtype(&self, name: &str) -> Option<String>;

    /// Reads a tensor as 32-bit floats in row-major order.
    ///
    /// # Errors
    ///
    /// When there is no such tensor ([`TensorError::MissingTensor`]), its elements cannot be
    /// converted ([`TensorError::Dtype`]), or the file cannot be read or is damaged.
    fn read(&self, name: &str) -> Result<TensorData>;

    /// Returns the file that holds a tensor, for messages.
    fn file(&self, _name: &str) -> &Path {
        self.path()
    }

    /// Returns whether there is a tensor of this name.
    fn contains(&self, name: &str) -> bool {
        self.shape(name).is_some()
    }

    /// Reads a tensor of an expected shape.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`TensorError::Shape`] if the shape is another one.
    fn read_shaped(&self, name: &str, expected: &[usize]) -> Result<TensorData> {
        match self.shape(name) {
            Some(found) if found == expected => self.read(name),
            Some(found) => Err(TensorError::Shape {
                path: self.file(name).to_owned(),
                tensor: name.to_owned(),
                expected: expected.to_vec(),
                found: found.to_vec(),
            }),
            None => Err(self.missing(name, Some(expected))),
        }
    }

    /// Returns the error that there is no tensor of a name.
    fn missing(&self, name: &str, expected: Option<&[usize]>) -> TensorError {
        TensorError::MissingTensor {
            path: self.path().to_owned(),
            tensor: name.to_owned(),
            expected: expected.map(<[usize]>::to_vec),
            found: self.names().map(str::to_owned).collect(),
        }
    }
}
