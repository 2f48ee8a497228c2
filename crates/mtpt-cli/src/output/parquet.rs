use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use serde_json::Value;

use crate::fields::Fields;
use crate::output::columns::{Column, Kind, as_text};
use crate::output::table_writer::TableWriter;

/// Number of rows of a row group.
const GROUP: usize = 16_384;

/// Writes typed columns, all of which may have missing values.
pub(crate) struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    /// Rows of the current row group.
    rows: Vec<Fields>,
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(crate) fn new(file: W, columns: &[Column]) -> io::Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let schema = Arc::new(schema(columns).map_err(io::Error::other)?);
        let file = SerializedFileWriter::new(file, schema, Arc::new(properties))
            .map_err(io::Error::other)?;
        Ok(Self { file, columns: columns.to_vec(), rows: Vec::new() })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for column in &self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            let values = self.rows.iter().map(|row| row.get(&column.name));
            write_column(&mut writer, column.kind, values)?;
            writer.close()?;
        }
        group.close()?;
        self.rows.clear();
        Ok(())
    }
}

impl<W: Write + Send> TableWriter for ParquetWriter<W> {
    fn row(&mut self, row: &Fields) -> io::Result<()> {
        self.rows.push(row.clone());
        if self.rows.len() == GROUP {
            self.write_group().map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.write_group().map_err(io::Error::other)?;
        self.file.close().map_err(io::Error::other)?;
        Ok(())
    }
}

fn schema(columns: &[Column]) -> Result<Type, ParquetError> {
    let column = |column: &Column| {
        let (physical, logical) = match column.kind {
            Kind::Bool => (PhysicalType::BOOLEAN, None),
            Kind::Integer => (PhysicalType::INT64, None),
            Kind::Number => (PhysicalType::DOUBLE, None),
            Kind::Text | Kind::Null => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let column = Type::primitive_type_builder(&column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        column.build().map(Arc::new)
    };
    let fields = columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("rows").with_fields(fields).build()
}

fn write_column<'a>(
    writer: &mut SerializedColumnWriter<'_>,
    kind: Kind,
    values: impl Iterator<Item = Option<&'a Value>>,
) -> Result<(), ParquetError> {
    let values: Vec<Option<&Value>> =
        values.map(|value| value.filter(|value| !value.is_null())).collect();
    let present: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values = values.into_iter().flatten();
    match kind {
        Kind::Bool => {
            let values: Vec<bool> = values.filter_map(Value::as_bool).collect();
            writer.typed::<BoolType>().write_batch(&values, Some(&present), None)?;
        }
        Kind::Integer => {
            let values: Vec<i64> = values.filter_map(Value::as_i64).collect();
            writer.typed::<Int64Type>().write_batch(&values, Some(&present), None)?;
        }
        Kind::Number => {
            let values: Vec<f64> = values.filter_map(Value::as_f64).collect();
            writer.typed::<DoubleType>().write_batch(&values, Some(&present), None)?;
        }
        Kind::Text | Kind::Null => {
            let values: Vec<ByteArray> =
                values.map(|value| ByteArray::from(as_text(value).into_bytes())).collect();
            writer.typed::<ByteArrayType>().write_batch(&values, Some(&present), None)?;
        }
    }
    Ok(())
}
