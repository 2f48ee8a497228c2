use std::path::Path;
use std::sync::Arc;

use mtpt_io::fs::read_start;

use crate::data::compression::Compression;
use crate::data::compression_error::CompressionError;
use crate::data::error::DataError;
use crate::data::location::SourceLocation;
use crate::data::parquet::column::Column;
use crate::data::parquet::metadata::{Group, Metadata};
use crate::data::parquet::record::Record;
use crate::data::parquet::schema::Schema;
use crate::data::parquet::source::Source;
use crate::data::parquet_problem::ParquetProblem;
use crate::data::value::Value;
use crate::error::{Error, Result};

/// Reader of the rows of a Parquet file.
pub(crate) struct ParquetRows {
    source: Source,
    schema: Schema,
    /// Row groups that have not been opened.
    groups: std::vec::IntoIter<Group>,
    /// Number of row groups that have been opened.
    group: usize,
    /// Columns of the current row group.
    columns: Vec<Column>,
    /// Number of rows that are left in the current row group.
    left: u64,
    file: Arc<Path>,
    /// Number of rows read.
    count: usize,
}

/// Field names and values of a row, and its location.
pub(crate) type Named = (Vec<Arc<str>>, Vec<Value>, SourceLocation);

/// Field names and values of a row.
type Row = (Vec<Arc<str>>, Vec<Value>);

impl ParquetRows {
    /// Opens a file, and reads and checks its metadata.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if let Some(compression) = Compression::of(&read_start(path, 4)?) {
            let path = path.to_path_buf();
            return Err(CompressionError::Parquet { path, compression }.into());
        }
        let opened = Source::open(path)?;
        let parts = opened.and_then(|(source, Metadata { schema, groups })| {
            let schema = Schema::new(schema, &source.limits)?;
            check_size(&schema, &groups, &source)?;
            Ok((source, schema, groups))
        });
        let (source, schema, groups) = parts.map_err(|problem| failed(path, problem))?;
        Ok(Self {
            source,
            schema,
            groups: groups.into_iter(),
            group: 0,
            columns: Vec::new(),
            left: 0,
            file: path.into(),
            count: 0,
        })
    }

    pub(crate) fn read(&mut self) -> Result<Option<Named>> {
        let row = self.next_row().map_err(|problem| failed(&self.file, problem))?;
        Ok(row.map(|(names, values)| {
            (names, values, SourceLocation::new(Arc::clone(&self.file), self.count))
        }))
    }

    fn next_row(&mut self) -> std::result::Result<Option<Row>, ParquetProblem> {
        while self.left == 0 {
            let Some(group) = self.groups.next() else { return Ok(None) };
            self.open_group(&group)?;
        }
        self.left -= 1;
        self.count += 1;
        let Self { columns, source, .. } = self;
        let mut record = Record { columns, source, names: Vec::new(), values: Vec::new() };
        record.read(&self.schema.fields)?;
        Ok(Some((record.names, record.values)))
    }

    fn open_group(&mut self, group: &Group) -> std::result::Result<(), ParquetProblem> {
        for column in &mut self.columns {
            column.release(&mut self.source);
        }
        self.columns.clear();
        self.group += 1;
        // The columns of a row group without rows may be anywhere.
        if group.rows > 0 {
            let leaves = self.schema.leaves.iter().zip(&group.columns);
            let columns = leaves.map(|(leaf, chunk)| {
                Column::new(leaf, chunk, (self.group, group.rows), &self.source)
            });
            self.columns = columns.collect::<std::result::Result<_, _>>()?;
        }
        self.left = group.rows;
        Ok(())
    }
}

/// Checks the number of columns of each row group, and that of all values.
fn check_size(
    schema: &Schema,
    groups: &[Group],
    source: &Source,
) -> std::result::Result<(), ParquetProblem> {
    let mut values = 0_u64;
    for (index, group) in groups.iter().enumerate() {
        let (expected, found) = (schema.leaves.len(), group.columns.len());
        if expected != found {
            return Err(ParquetProblem::Columns { group: index + 1, expected, found });
        }
        values = values.saturating_add(group.rows.saturating_mul(schema.elements));
        for column in &group.columns {
            values = values.saturating_add(column.values);
        }
    }
    source.limits.check_values(values)
}

fn failed(path: &Path, problem: ParquetProblem) -> Error {
    DataError::Parquet { path: path.to_path_buf(), problem }.into()
}
