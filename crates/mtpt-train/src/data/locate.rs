use std::collections::BTreeMap;

use mtpt_tasks::{SourceLocation, Split, Task};

/// Where rows of a task's training split stand, by their numbers, as far as the files still tell: they are read once more.
pub(crate) fn row_places(task: &Task, rows: &[usize]) -> BTreeMap<usize, SourceLocation> {
    let mut locations = BTreeMap::new();
    let Some(&last) = rows.iter().max() else { return locations };
    let Ok(instances) = task.stream(Split::Train) else { return locations };
    for (row, instance) in instances.take(last + 1).enumerate() {
        // What does not fit any more is another file than the one that was learned from.
        let Ok(instance) = instance else { return BTreeMap::new() };
        if rows.contains(&row) {
            locations.insert(row, instance.location);
        }
    }
    locations
}
