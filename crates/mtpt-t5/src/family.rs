use serde::{Deserialize, Serialize};

use crate::model::batch_shape::BatchShape;
use crate::model::windows::Windows;

/// Architecture of a member of the T5 family.
///
/// T5 1.0, T5 1.1, LM-adapted T5, Flan-T5, UL2, Flan-UL2 and ByT5 are [`Family::T5`] with different
/// values of the other fields of [`T5Config`](crate::T5Config).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Family {
    /// T5 (Raffel et al., 2020).
    T5,
    /// mT5 (Xue et al., 2021): a T5 that never scales the head's input.
    Mt5,
    /// UMT5 (Chung et al., 2023): each block has its own position bias.
    Umt5,
    /// LongT5 (Guo et al., 2022): the encoder attends to nearby positions only.
    LongT5(LongAttention),
}

/// Self-attention of a LongT5's encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongAttention {
    /// Number of positions on each side that a position attends to.
    pub local_radius: usize,
    /// Number of positions that one summary stands for in transient-global attention, where every
    /// position also attends to the summaries of the whole row; `None` for local attention.
    pub global_block_size: Option<usize>,
}

impl LongAttention {
    /// Returns the number of keys of each position in a row of this length: its own block, the
    /// blocks next to it, and the summaries.
    pub(crate) fn keys(self, length: usize) -> usize {
        let summaries = self.global_block_size.map_or(0, |size| length / size.max(1));
        let row = BatchShape { batch: 1, length };
        Windows::new(row, self.local_radius, summaries).keys().length
    }
}
