use mtpt_core::Backbone;
use mtpt_tasks::{Padding, TokenBatch, TokenizedExample, group_by_length};

use crate::error::Result;

/// Divides the examples of a step, each with its index in its task's split, into batches of similar
/// lengths. The division affects only the padding, not the result of the step.
pub(crate) fn micro_batches<B: Backbone>(
    rows: &[(usize, &TokenizedExample)],
    size: usize,
    backbone: &B,
) -> Result<Vec<TokenBatch>> {
    let lengths: Vec<usize> = rows.iter().map(|(_, row)| row.input_ids.len()).collect();
    let padding = Padding { id: backbone.pad_token_id(), multiple: 1 };
    group_by_length(&lengths, size)
        .into_iter()
        .map(|group| {
            let (numbers, rows): (Vec<usize>, Vec<_>) =
                group.into_iter().map(|row| rows[row]).unzip();
            Ok(TokenBatch::new(rows, padding)?.numbered(numbers))
        })
        .collect()
}
