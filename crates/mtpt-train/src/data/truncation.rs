use mtpt_infer::TaskData;
use mtpt_tasks::{MaxLengths, Split};

use crate::error::Result;

/// Returns a warning if training inputs are truncated, and one if targets are.
pub(crate) fn truncation_warnings(data: &[TaskData], max: MaxLengths) -> Result<Vec<String>> {
    let (mut inputs, mut targets, mut rows) = (0, 0, 0);
    for task in data {
        for row in 0..task.count(Split::Train) {
            let row = task.row(Split::Train, row)?;
            inputs += usize::from(row.input_ids.len() >= max.input);
            targets += usize::from(row.target_ids.len() >= max.target);
            rows += 1;
        }
    }
    let counts = [(inputs, "input", max.input), (targets, "target", max.target)];
    let truncated = counts.into_iter().filter(|(count, ..)| *count > 0);
    Ok(truncated
        .map(|(count, what, max)| {
            format!(
                "{count} of {rows} {what}s have `training.max_{what}_length`, {max} tokens, or \
                 more, and are truncated there"
            )
        })
        .collect())
}
