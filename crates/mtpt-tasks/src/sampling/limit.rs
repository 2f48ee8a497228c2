use serde::{Deserialize, Serialize};

use crate::split::Split;

/// Maximum number of rows of each split.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `train`, `dev`, `test` | | number of rows, at least 1 |
/// | `seed` | | samples the rows, which stay in the order of the file; without a seed, the first rows are used |
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
    /// Samples the rows instead of using the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Limit {
    /// Returns the maximum number of rows of a split.
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
