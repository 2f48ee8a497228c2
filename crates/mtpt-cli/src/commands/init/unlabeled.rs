use std::path::{Path, PathBuf};

use mtpt::tasks::labels::listed_lines;
use mtpt::tasks::{Task, TaskConfig};

use crate::error::Result;

/// Maximum number of lines in a message.
const LISTED_LINES: usize = 10;

/// The rows of a file that have no label.
pub(crate) struct UnlabeledRows {
    pub(crate) path: PathBuf,
    /// The first lines.
    lines: Vec<usize>,
    /// Number of rows.
    pub(crate) count: usize,
}

impl UnlabeledRows {
    /// Returns the rows without a label of each file that has some.
    pub(crate) fn of_files<'a>(
        files: impl Iterator<Item = &'a PathBuf>,
        config: &TaskConfig,
    ) -> Result<Vec<Self>> {
        let task = Task::new(config)?;
        let mut found = Vec::new();
        for path in files {
            let rows = Self::of_file(path, &task)?;
            if rows.count > 0 {
                found.push(rows);
            }
        }
        Ok(found)
    }

    fn of_file(path: &Path, task: &Task) -> Result<Self> {
        let mut found = Self { path: path.to_owned(), lines: Vec::new(), count: 0 };
        for row in task.config().layout().open(path)? {
            let row = row?;
            if task.is_unlabeled(&row) {
                found.count += 1;
                if found.lines.len() < LISTED_LINES {
                    found.lines.push(row.location().line());
                }
            }
        }
        Ok(found)
    }

    /// Returns the lines as text.
    pub(crate) fn lines(&self) -> String {
        listed_lines(&self.lines, self.count)
    }
}
