//! Tables as text for people.

use std::ops::Range;

use console::measure_text_width;

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
        self.rows.push(cells);
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
