use mtpt_core::Backbone;
use mtpt_tasks::{Padding, TokenBatch, TokenizedExample, group_by_length};

use crate::Result;

/// The rows of a step in batches of similar lengths: how they are divided changes the padding, not the step.
pub(crate) fn micro_batches<B: Backbone>(
    rows: &[&TokenizedExample],
    size: usize,
    backbone: &B,
) -> Result<Vec<TokenBatch>> {
    let lengths: Vec<usize> = rows.iter().map(|row| row.input_ids.len()).collect();
    let padding = Padding { id: backbone.pad_token_id(), multiple: 1 };
    group_by_length(&lengths, size)
        .into_iter()
        .map(|group| Ok(TokenBatch::new(group.into_iter().map(|row| rows[row]), padding)?))
        .collect()
}
