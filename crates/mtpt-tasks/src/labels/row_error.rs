use std::path::PathBuf;

use crate::data::location::SourceLocation;
use crate::excerpt::excerpt;
use crate::names::counted;

/// Rows whose labels are missing or unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowLabelsError {
    /// Several rows have no label.
    #[error(
        "{}: {} {} no label in the field `{field}`: {}; fill in what is missing, or set `unlabeled = \
         \"skip\"` to leave such rows out",
        .path.display(), counted(*.count, "row"), if *.count == 1 { "has" } else { "have" },
        listed_lines(.lines, *.count)
    )]
    Unlabeled {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// The first lines.
        lines: Vec<usize>,
        /// Number of rows.
        count: usize,
    },
    /// No row has a label.
    #[error("{}: no row has a label in the field `{field}`", .path.display())]
    AllUnlabeled {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
    },
    /// A column of labels has another value than yes or no.
    #[error(
        "{location}: expected `1` or `0`, `true` or `false`, or `yes` or `no` in the field \
         `{field}`, found `{}`",
        excerpt(.found)
    )]
    Truth {
        /// The row.
        location: SourceLocation,
        /// The column.
        field: String,
        /// The text found.
        found: String,
    },
}

/// Lists the first lines of some rows: `lines 3, 8 and 5 more`.
pub fn listed_lines(lines: &[usize], count: usize) -> String {
    let listed = lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let word = if count == 1 { "line" } else { "lines" };
    match count - lines.len() {
        0 => format!("{word} {listed}"),
        more => format!("{word} {listed} and {more} more"),
    }
}
