use std::io;

use crate::fields::Fields;

/// Writes the rows of a table in a format.
pub(crate) trait TableWriter {
    /// Writes a row, which may lack columns.
    fn row(&mut self, row: &Fields) -> io::Result<()>;

    /// Writes the end of the table.
    fn finish(self: Box<Self>) -> io::Result<()>;
}
