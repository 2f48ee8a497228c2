use std::path::Path;

use mtpt::tasks::{Example, Split, TaskFile, TaskId};
use serde_json::{Map, Value};

use crate::destination::write_output;
use crate::error::{Error, Result};
use crate::number_format::counted;
use crate::stdio::message;

/// Writes the rows of a split of all tasks as JSON Lines, with all columns of the data files.
pub(crate) fn export(config: &Path, split: Split, file: &Path) -> Result<()> {
    let mut tasks = TaskFile::load(config)?.into_tasks();
    tasks.retain(|task| task.has(split));
    if tasks.is_empty() {
        return Err(Error::NoSplit { path: config.to_owned(), split: split.as_str(), other: None });
    }
    let mut lines = String::new();
    let mut count = 0;
    for task in &tasks {
        for row in task.read_examples(split)? {
            lines += &to_json(task.id(), &row).to_string();
            lines.push('\n');
            count += 1;
        }
    }
    write_output(file, lines.as_bytes())?;
    let rows = counted(count, &format!("{split} row"));
    message(&format!("{rows} written to `{}`", file.display()));
    Ok(())
}

/// Returns a row with its task, file and line; their names differ from those of columns.
fn to_json(task: &TaskId, row: &Example) -> Value {
    let location = row.location();
    let mut object = Map::new();
    object.insert("_task".into(), task.as_str().into());
    object.insert("_file".into(), location.file().display().to_string().into());
    object.insert("_line".into(), location.line().into());
    for (name, text) in row.fields() {
        object.insert(name.into(), text.into());
    }
    for (name, items) in row.lists() {
        object.insert(name.into(), items.into());
    }
    Value::Object(object)
}
