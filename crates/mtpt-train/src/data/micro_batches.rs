use mtpt_tasks::{Batch, BatchRow, PartitionLimits, TokenizedExample, partition_by_length};

use crate::error::Result;

/// Divides the examples of a step, each with its index in its task's split, into batches of similar
/// lengths. The division affects only the padding, not the result of the step.
pub(crate) fn micro_batches(
    examples: &[(usize, &TokenizedExample)],
    max_rows: usize,
) -> Result<Vec<Batch>> {
    let lengths: Vec<usize> = examples.iter().map(|(_, example)| example.input_ids.len()).collect();
    let row = |position: usize| {
        let (index, example) = examples[position];
        BatchRow { example: example.clone(), index }
    };
    partition_by_length(&lengths, PartitionLimits { max_rows, ..PartitionLimits::default() })
        .into_iter()
        .map(|part| Ok(Batch::new(part.into_iter().map(row).collect())?))
        .collect()
}
