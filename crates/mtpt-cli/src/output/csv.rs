use std::io::{self, Write};

use csv::{Writer, WriterBuilder};

use crate::fields::Fields;
use crate::output::columns::{Column, as_text};
use crate::output::table_writer::TableWriter;

/// Writes a table with a header line. Fields are quoted if necessary.
pub(crate) struct CsvWriter<W: Write> {
    file: Writer<W>,
    columns: Vec<String>,
}

impl<W: Write> CsvWriter<W> {
    pub(crate) fn new(file: W, separator: u8, columns: &[Column]) -> io::Result<Self> {
        let mut file = WriterBuilder::new().delimiter(separator).from_writer(file);
        let columns: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        if !columns.is_empty() {
            file.write_record(&columns)?;
        }
        Ok(Self { file, columns })
    }
}

impl<W: Write> TableWriter for CsvWriter<W> {
    fn row(&mut self, row: &Fields) -> io::Result<()> {
        let values = self.columns.iter().map(|name| row.get(name).map(as_text).unwrap_or_default());
        Ok(self.file.write_record(values)?)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.file.flush()
    }
}
