use serde::{Deserialize, Serialize};

use crate::split::Split;

/// How many rows of each split are used; without a number, all.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `train`, `dev`, `test` | | number of rows, at least 1 |
/// | `seed` | | without one, the first rows of the file; with one, rows drawn by it, in the order of the file |
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limit {
    /// Rows of the training split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<usize>,
    /// Rows of the development split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<usize>,
    /// Rows of the test split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<usize>,
    /// Draws the rows, instead of taking the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Limit {
    /// The number for a split.
    pub fn rows(&self, split: Split) -> Option<usize> {
        match split {
            Split::Train => self.train,
            Split::Dev => self.dev,
            Split::Test => self.test,
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}
