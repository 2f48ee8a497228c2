use std::path::Path;

use super::{Error, Result};

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
                place: place(position, &self.shape),
                found: self.values[position],
            }),
        }
    }
}

/// The index along each axis of a number that is the given one in order.
fn place(position: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = position;
    let mut place: Vec<usize> = shape
        .iter()
        .rev()
        .map(|size| {
            let index = rest % size;
            rest /= size;
            index
        })
        .collect();
    place.reverse();
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_axis_by_axis() {
        assert_eq!(place(0, &[2, 3, 4]), [0, 0, 0]);
        assert_eq!(place(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(place(6, &[2, 3, 4]), [0, 1, 2]);
        assert!(place(0, &[]).is_empty());
    }
}
