use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::{ReaderIter, TreeBuilder};
use parquet::record::{Field, Row};

use crate::data::error::DataError;
use crate::data::location::SourceLocation;
use crate::data::value::Value;
use crate::error::{Error, Result};

/// Reader of the rows of a Parquet file.
pub(crate) struct ParquetRows {
    reader: SerializedFileReader<File>,
    /// Index of the next row group.
    group: usize,
    rows: Option<ReaderIter>,
    file: Arc<Path>,
    /// Number of rows read.
    count: usize,
}

/// Field names and values of a row, and its location.
pub(crate) type Named = (Vec<String>, Vec<Value>, SourceLocation);

impl ParquetRows {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Ok(Self { reader: open(path)?, group: 0, rows: None, file: path.into(), count: 0 })
    }

    pub(crate) fn read(&mut self) -> Result<Option<Named>> {
        loop {
            if let Some(row) = self.rows.as_mut().and_then(Iterator::next) {
                let row = row.map_err(|error| problem(&self.file, &error))?;
                self.count += 1;
                return Ok(Some(named(
                    row,
                    SourceLocation::new(Arc::clone(&self.file), self.count),
                )));
            }
            if self.group == self.reader.num_row_groups() {
                return Ok(None);
            }
            self.rows = Some(rows(&self.reader, self.group, &self.file)?);
            self.group += 1;
        }
    }
}

/// Opens a file and reads its metadata.
pub(crate) fn open(path: &Path) -> Result<SerializedFileReader<File>> {
    let file = mtpt_io::fs::open(path)?;
    SerializedFileReader::new(file).map_err(|error| problem(path, &error))
}

/// Returns the rows of a row group.
fn rows(reader: &SerializedFileReader<File>, group: usize, path: &Path) -> Result<ReaderIter> {
    let failed = |error: ParquetError| problem(path, &error);
    let columns = reader.metadata().file_metadata().schema_descr_ptr();
    let group = reader.get_row_group(group).map_err(failed)?;
    TreeBuilder::new().as_iter(columns, &*group).map_err(failed)
}

fn problem(path: &Path, error: &ParquetError) -> Error {
    Error::from(DataError::Parquet { path: path.to_path_buf(), message: error.to_string() })
}

fn named(row: Row, location: SourceLocation) -> Named {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    flatten(row, "", &mut names, &mut values);
    (names, values, location)
}

/// Collects the fields of a row. Fields of a structure are prefixed with its name.
fn flatten(row: Row, prefix: &str, names: &mut Vec<String>, values: &mut Vec<Value>) {
    for (name, field) in row.into_columns() {
        let name = format!("{prefix}{name}");
        match field {
            Field::Group(row) => {
                // SQuAD nests its answers: `{"text": ["..."], "answer_start": [17]}`.
                let texts = row.get_column_iter().find(|(name, _)| *name == "text");
                if let Some(texts @ Value::Texts(_)) = texts.map(|(_, field)| value(field)) {
                    names.push(name.clone());
                    values.push(texts);
                }
                flatten(row, &format!("{name}."), names, values);
            }
            field => {
                names.push(name);
                values.push(value(&field));
            }
        }
    }
}

/// Converts a field: scalars to their text in JSON, a list of strings to several texts.
fn value(field: &Field) -> Value {
    let text = |text: String| Value::Text(text);
    Value::Unprintable(match field {
        Field::Str(found) => return text(found.clone()),
        Field::Bool(found) => return text(found.to_string()),
        Field::Byte(found) => return text(found.to_string()),
        Field::Short(found) => return text(found.to_string()),
        Field::Int(found) => return text(found.to_string()),
        Field::Long(found) => return text(found.to_string()),
        Field::UByte(found) => return text(found.to_string()),
        Field::UShort(found) => return text(found.to_string()),
        Field::UInt(found) => return text(found.to_string()),
        Field::ULong(found) => return text(found.to_string()),
        // `{:?}` keeps a decimal point and the fewest digits that identify the number.
        Field::Float16(found) => return text(format!("{:?}", found.to_f32())),
        Field::Float(found) => return text(format!("{found:?}")),
        Field::Double(found) => return text(format!("{found:?}")),
        Field::ListInternal(list) => {
            let strings = list.elements().iter().map(|element| match element {
                Field::Str(text) => Some(text.clone()),
                _ => None,
            });
            match strings.collect() {
                Some(strings) => return Value::Texts(strings),
                None => "a list of other values than strings",
            }
        }
        Field::Null => "null",
        Field::Bytes(_) => "bytes",
        Field::Decimal(_) => "a decimal",
        Field::MapInternal(_) => "a map",
        Field::Group(_) => "a structure",
        Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_) => "a date or time",
    })
}
