//! Original files of GLUE, whose formats imply template, labels and metrics.

use std::path::Path;

use mtpt::tasks::{Format, Split, Task, TaskConfig, TaskId};

/// Formats, and the part of a path that tells them from other files with the same columns.
const FORMATS: [(Format, &str); 9] = [
    (Format::GlueMrpc, ""),
    (Format::GlueStsb, ""),
    (Format::GlueQqp, ""),
    (Format::GlueMnli, ""),
    (Format::GlueQnli, "qnli"),
    (Format::GlueRte, "rte"),
    (Format::GlueWnli, "wnli"),
    (Format::GlueSst2, "sst"),
    (Format::GlueCola, "cola"),
];
/// Number of rows that must fit a format.
const CHECKED_ROWS: usize = 50;

/// Returns the format of an original file of GLUE; `None` for other files.
pub(crate) fn format_of(path: &Path) -> Option<Format> {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    let name = path.file_name().unwrap_or_default();
    let hints = format!("{}/{}", folder.to_string_lossy(), name.to_string_lossy()).to_lowercase();
    let fits = |format: Format| {
        let name: TaskId = "task".parse().ok()?;
        let config = TaskConfig { train: Some(path.to_owned()), ..TaskConfig::new(name, format) };
        let task = Task::new(&config).ok()?;
        let mut rows = task.stream(Split::Train).ok()?.take(CHECKED_ROWS);
        rows.all(|row| row.is_ok()).then_some(format)
    };
    let is_hinted = |hint: &str| hints.contains(hint);
    FORMATS.into_iter().filter(|&(_, hint)| is_hinted(hint)).find_map(|(format, _)| fits(format))
}
