//! Tables as text for people.

use std::borrow::Cow;
use std::ops::Range;

use console::{measure_text_width, truncate_str};

use crate::printable::printable;

/// Maximum width of a name in a table. A file may have names of millions of characters, and every
/// row is as wide as the widest.
const MAX_WIDTH: usize = 200;

/// Returns a name, truncated to the maximum width of one in a table.
pub(crate) fn shortened(name: &str) -> Cow<'_, str> {
    match printable(name) {
        Cow::Borrowed(name) => truncate_str(name, MAX_WIDTH, "…"),
        Cow::Owned(name) => truncate_str(&name, MAX_WIDTH, "…").into_owned().into(),
    }
}

/// Returns the width of the widest name, once truncated.
pub(crate) fn common_width<'a>(names: impl IntoIterator<Item = &'a str>) -> usize {
    let widths = names.into_iter().map(|name| measure_text_width(&shortened(name)));
    widths.max().unwrap_or(0)
}

/// Returns a name, truncated to the maximum width of one in a table, with blanks up to a width.
pub(crate) fn padded(name: &str, width: usize) -> String {
    let name = shortened(name);
    let blanks = " ".repeat(width.saturating_sub(measure_text_width(&name)));
    format!("{name}{blanks}")
}

/// A table with columns as wide as their widest cell. Text is aligned to the left, numbers to the
/// right.
pub(crate) struct TextTable {
    header: Vec<String>,
    /// Columns of numbers.
    numbers: Range<usize>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// Creates a table whose first `text_columns` columns are text; the others are numbers.
    pub(crate) fn new(header: Vec<String>, text_columns: usize) -> Self {
        let numbers = text_columns..header.len();
        Self { header, numbers, rows: Vec::new() }
    }

    /// Makes the last column text.
    pub(crate) fn with_text_at_the_end(mut self) -> Self {
        self.numbers.end -= 1;
        self
    }

    /// Adds a row with one cell per column.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| shortened(cell).into_owned()).collect());
    }

    /// Returns the lines, the header first, each with the same indentation.
    pub(crate) fn lines(&self, indentation: &str) -> Vec<String> {
        let all = || std::iter::once(&self.header).chain(&self.rows);
        let width = |column: usize| {
            all().filter_map(|row| row.get(column)).map(|cell| measure_text_width(cell)).max()
        };
        let widths: Vec<usize> =
            (0..self.header.len()).map(|column| width(column).unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let cell = |(column, text): (usize, &String)| {
                let blanks = " ".repeat(widths[column].saturating_sub(measure_text_width(text)));
                if self.numbers.contains(&column) {
                    blanks + text
                } else {
                    format!("{text}{blanks}")
                }
            };
            let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
            format!("{indentation}{}", cells.join("  ")).trim_end().to_owned()
        };
        all().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_truncated() {
        let long = "é".repeat(70_000);
        assert_eq!(common_width(["short", &long]), MAX_WIDTH);
        let padded = [padded("short", MAX_WIDTH), padded(&long, MAX_WIDTH)];
        assert_eq!(padded.each_ref().map(|name| measure_text_width(name)), [MAX_WIDTH; 2]);
        assert!(padded[1].ends_with('…'));
        let mut table = TextTable::new(vec!["task".to_owned()], 1);
        table.row(vec![long]);
        assert_eq!(measure_text_width(&table.lines("")[1]), MAX_WIDTH);
    }

    #[test]
    fn numbers_are_aligned_to_the_right() {
        let cells = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let mut table = TextTable::new(cells(["task", "metric", "value"]), 2);
        table.row(cells(["größe", "f1", "7.0"]));
        table.row(cells(["a", "accuracy", "100.0"]));
        assert_eq!(
            table.lines("  "),
            ["  task   metric    value", "  größe  f1          7.0", "  a      accuracy  100.0"]
        );
    }
}
