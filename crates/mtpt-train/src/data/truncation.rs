use mtpt_tasks::{MaxLengths, Split};

use crate::error::Result;
use mtpt_infer::TaskData;

/// What should be known of training rows that lose their end: a sentence for inputs, and one for targets.
///
/// They are learned from all the same.
pub(crate) fn cut_rows(data: &[TaskData], longest: MaxLengths) -> Result<Vec<String>> {
    let (mut inputs, mut targets, mut rows) = (0, 0, 0);
    for task in data {
        for row in 0..task.count(Split::Train) {
            let row = task.row(Split::Train, row)?;
            inputs += usize::from(row.input_ids.len() >= longest.input);
            targets += usize::from(row.target_ids.len() >= longest.target);
            rows += 1;
        }
    }
    let counts = [(inputs, "input", longest.input), (targets, "target", longest.target)];
    let cut = counts.into_iter().filter(|(cut, ..)| *cut > 0);
    Ok(cut
        .map(|(cut, what, longest)| {
            format!(
                "{cut} of {rows} {what}s have `training.max_{what}_length`, {longest} tokens, or more, and are cut there"
            )
        })
        .collect())
}
