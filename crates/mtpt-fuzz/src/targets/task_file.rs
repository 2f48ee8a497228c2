use std::path::Path;

use mtpt::tasks::{TaskFile, TaskTree};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::{first_text, is_toml};

/// Task files.
pub(super) const TARGET: Target = Target { name: "task_file", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let Some((path, text)) = first_text(folder) else { return Outcome::not_readable() };
    let tasks = match TaskFile::parse(&text, &path) {
        Ok(file) => file.into_tasks(),
        Err(error) => return Outcome::failed(is_toml(&text), &error),
    };
    match TaskTree::new(tasks.iter().map(|task| task.id())) {
        Ok(_) => Outcome::accepted(format!("2^{} tasks", tasks.len().max(1).ilog2())),
        Err(error) => Outcome::parsed(&error),
    }
}
