use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Location of a row: a file and a line, and the number of the row if others are on that line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceLocation {
    file: Arc<Path>,
    line: usize,
    /// Number of the row, counted from 1.
    row: Option<usize>,
}

impl SourceLocation {
    /// Creates a location; lines are counted from 1.
    pub fn new(file: impl Into<Arc<Path>>, line: usize) -> Self {
        Self { file: file.into(), line, row: None }
    }

    /// Adds the number of the row, counted from 1.
    pub(crate) fn with_row(self, row: usize) -> Self {
        Self { row: Some(row), ..self }
    }

    /// Returns the file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the number of the row, counted from 1, if the line may have several.
    pub fn row(&self) -> Option<usize> {
        self.row
    }
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file.display(), self.line)?;
        match self.row {
            Some(row) => write!(formatter, " (row {row})"),
            None => Ok(()),
        }
    }
}
