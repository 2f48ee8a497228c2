use std::path::Path;

use super::{Error, Result};
use crate::layout::unravel_index;

/// Numbers and their shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Sizes of the axes, the slowest first; none for a single number.
    pub shape: Vec<usize>,
    /// The numbers, the last axis the fastest, in single precision whatever the file holds.
    pub values: Vec<f32>,
}

impl Array {
    /// Refuses numbers that are not finite, naming the first.
    pub(super) fn check_finite(self, array: &str, path: &Path) -> Result<Self> {
        match self.values.iter().position(|value| !value.is_finite()) {
            None => Ok(self),
            Some(position) => Err(Error::NotFinite {
                path: path.to_owned(),
                array: array.to_owned(),
                place: unravel_index(position, &self.shape),
                found: self.values[position],
            }),
        }
    }
}
