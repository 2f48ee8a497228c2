use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::error::DataError;
use crate::data::example::Example;
use crate::data::layout::Layout;
use crate::error::{Error, Result};
use crate::labels::labels::Labels;
use crate::labels::row_error::RowLabelsError;

/// Maximum number of lines in a message.
const LISTED_LINES: usize = 10;

/// Treatment of rows without a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unlabeled {
    /// They are an error.
    #[default]
    Error,
    /// They are left out of all splits.
    Skip,
}

impl Unlabeled {
    pub(crate) fn is_error(&self) -> bool {
        *self == Self::Error
    }
}

/// The fields that hold the labels of a task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelFields<'a> {
    /// The field with the label.
    pub(crate) field: &'a str,
    /// The labels; `None` if they are collected from the rows.
    pub(crate) labels: Option<&'a Labels>,
}

impl LabelFields<'_> {
    /// Returns whether a row has no label. An empty list has no labels, but is not missing.
    pub(crate) fn is_missing(&self, example: &Example) -> bool {
        let Some(labels) = self.labels else { return example.is_missing(self.field, true) };
        if let Some(several) = labels.several() {
            return match several.columns() {
                Some(columns) => columns.iter().all(|column| example.is_missing(column, true)),
                None => example.is_missing(self.field, false),
            };
        }
        let field = labels.references().unwrap_or(self.field);
        let blank_is_missing = labels.no_answer().is_none();
        example.is_missing(field, blank_is_missing)
            || field != self.field && example.is_missing(self.field, true)
    }

    /// Replaces an error about a row without a label by one that lists all such rows of the file,
    /// if there are several.
    pub(crate) fn explain(&self, error: Error, layout: &Layout, path: &Path) -> Error {
        let is_about_label = match error.without_context() {
            Error::Data(DataError::NoLabel { .. } | DataError::NoText { .. }) => true,
            Error::Data(
                DataError::FieldKind { field, .. } | DataError::UnknownField { field, .. },
            ) => field == self.field,
            _ => false,
        };
        if !is_about_label {
            return error;
        }
        match self.missing_lines(layout, path) {
            Ok((lines, count)) if count > 1 => {
                let (path, field) = (path.to_path_buf(), self.field.to_owned());
                RowLabelsError::Unlabeled { path, field, lines, count }.into()
            }
            _ => error,
        }
    }

    /// Returns the first lines without a label, and the number of rows without one.
    fn missing_lines(&self, layout: &Layout, path: &Path) -> Result<(Vec<usize>, usize)> {
        let (mut lines, mut count) = (Vec::new(), 0);
        for row in layout.open(path)? {
            let row = row?;
            if self.is_missing(&row) {
                count += 1;
                if lines.len() < LISTED_LINES {
                    lines.push(row.location().line());
                }
            }
        }
        Ok((lines, count))
    }
}
