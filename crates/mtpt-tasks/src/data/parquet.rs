use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use mtpt_io::fs::read_start;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::{ReaderIter, TreeBuilder};
use parquet::record::{Field, Row};

use crate::data::compression::Compression;
use crate::data::compression_error::CompressionError;
use crate::data::error::DataError;
use crate::data::location::SourceLocation;
use crate::data::value::{NULL, Value};
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
    if let Some(compression) = Compression::of(&read_start(path, 4)?) {
        return Err(CompressionError::Parquet { path: path.to_path_buf(), compression }.into());
    }
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

/// Converts a field: scalars to their text in JSON, a list to several texts or numbers.
fn value(field: &Field) -> Value {
    if let Field::Str(text) = field {
        return Value::Text(text.clone());
    }
    if let Some(text) = scalar(field) {
        return Value::Scalar(text);
    }
    Value::Unprintable(match field {
        Field::ListInternal(list) => return texts(list.elements()),
        Field::Null => NULL,
        Field::Bytes(_) => "bytes",
        Field::Decimal(_) => return shown("a decimal", field),
        Field::MapInternal(_) => "a map",
        Field::Group(_) => "a structure",
        Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_) => return shown("a date or time", field),
        _ => "another type",
    })
}

/// Wraps a value without a use as text, which is shown as text in JSON.
fn shown(kind: &'static str, field: &Field) -> Value {
    Value::Nested(kind, Box::new(field.to_string().into()))
}

/// Converts a list: strings to several texts, numbers to several numbers.
fn texts(items: &[Field]) -> Value {
    let strings = items.iter().map(|item| match item {
        Field::Str(text) => Some(text.clone()),
        _ => None,
    });
    if let Some(strings) = strings.collect() {
        return Value::Texts(strings);
    }
    let numbers = items.iter().map(|item| match item {
        Field::Bool(_) => None,
        item => scalar(item),
    });
    match numbers.collect() {
        Some(numbers) => Value::Numbers(numbers),
        None => Value::Unprintable("a list of other values than strings or numbers"),
    }
}

/// Returns the text of a number or boolean.
fn scalar(field: &Field) -> Option<String> {
    Some(match field {
        Field::Bool(found) => found.to_string(),
        Field::Byte(found) => found.to_string(),
        Field::Short(found) => found.to_string(),
        Field::Int(found) => found.to_string(),
        Field::Long(found) => found.to_string(),
        Field::UByte(found) => found.to_string(),
        Field::UShort(found) => found.to_string(),
        Field::UInt(found) => found.to_string(),
        Field::ULong(found) => found.to_string(),
        // `{:?}` keeps a decimal point and the fewest digits that identify the number.
        Field::Float16(found) => format!("{:?}", found.to_f32()),
        Field::Float(found) => format!("{found:?}"),
        Field::Double(found) => format!("{found:?}"),
        _ => return None,
    })
}
