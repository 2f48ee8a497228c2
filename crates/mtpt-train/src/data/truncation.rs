use mtpt_infer::TaskData;
use mtpt_tasks::batch::Truncated;
use mtpt_tasks::{MaxLengths, Split};

/// Returns a warning if training inputs are truncated, and one if targets are.
pub(crate) fn truncation_warnings(data: &[TaskData], max: MaxLengths) -> Vec<String> {
    let (mut truncated, mut rows) = (Truncated::default(), 0);
    for task in data {
        truncated += task.truncated(Split::Train);
        rows += task.count(Split::Train);
    }
    let counts =
        [(truncated.inputs, "input", max.input), (truncated.targets, "target", max.target)];
    let positive = counts.into_iter().filter(|(count, ..)| *count > 0);
    positive
        .map(|(count, what, max)| {
            let plural = if max == 1 { "" } else { "s" };
            format!(
                "{count} of {rows} training {what}s are longer than {max} token{plural} \
                 (`training.max_{what}_length`) and are truncated"
            )
        })
        .collect()
}
