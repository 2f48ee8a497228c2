use crate::data::parquet::thrift::{Kind, Thrift};
use crate::data::parquet_problem::ParquetProblem;

type Result<T> = std::result::Result<T, ParquetProblem>;

/// Metadata of a file, as it is written: nothing but its encoding has been checked.
pub(super) struct Metadata {
    /// The schema's elements in depth-first order.
    pub(super) schema: Vec<Element>,
    pub(super) groups: Vec<Group>,
}

/// Element of a schema: a column, or a group of `children` elements.
#[derive(Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) physical: Option<i32>,
    pub(super) type_length: Option<i32>,
    pub(super) repetition: Option<i32>,
    pub(super) children: Option<i32>,
    pub(super) annotation: Option<Annotation>,
    pub(super) scale: Option<i32>,
}

/// Meaning of a column's values, or of a group's structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Annotation {
    Text,
    Map,
    List,
    Decimal,
    Date,
    /// Time of the day or point in time, in milliseconds or microseconds.
    Time(Unit),
    Timestamp(Unit),
    Signed(u8),
    Unsigned(u8),
    Float16,
    Other,
}

/// Unit of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

/// A row group.
pub(super) struct Group {
    pub(super) columns: Vec<Chunk>,
    pub(super) rows: u64,
}

/// Place of a column's data in a row group.
pub(super) struct Chunk {
    pub(super) physical: i32,
    pub(super) codec: i32,
    pub(super) values: u64,
    pub(super) start: u64,
    pub(super) length: u64,
}

impl Metadata {
    /// Parses the metadata at the end of a file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut thrift = Thrift::new(bytes);
        let (mut schema, mut groups) = (None, None);
        let mut previous = 0;
        while let Some(field) = thrift.field(&mut previous)? {
            match field.id {
                2 => schema = Some(thrift.structures(field.kind, Element::parse)?),
                4 => groups = Some(thrift.structures(field.kind, Group::parse)?),
                8 => return Err(ParquetProblem::Encrypted),
                _ => thrift.skip(field.kind)?,
            }
        }
        Ok(Self {
            schema: required(schema, FILE, "a schema")?,
            groups: required(groups, FILE, "row groups")?,
        })
    }
}

const FILE: &str = "a file";
const COLUMN: &str = "a column";

fn required<T>(value: Option<T>, structure: &'static str, name: &'static str) -> Result<T> {
    value.ok_or(ParquetProblem::MissingValue { structure, value: name })
}

impl Element {
    fn parse(thrift: &mut Thrift<'_>) -> Result<Self> {
        let (mut element, mut name, mut converted) = (Self::default(), None, None);
        let mut previous = 0;
        while let Some(field) = thrift.field(&mut previous)? {
            match field.id {
                1 => element.physical = Some(thrift.code(field.kind)?),
                2 => element.type_length = Some(thrift.code(field.kind)?),
                3 => element.repetition = Some(thrift.code(field.kind)?),
                4 => name = Some(thrift.text(field.kind)?.to_owned()),
                5 => element.children = Some(thrift.code(field.kind)?),
                6 => converted = converted_type(thrift.code(field.kind)?),
                7 => element.scale = Some(thrift.code(field.kind)?),
                10 => element.annotation = logical_type(thrift, field.kind)?,
                _ => thrift.skip(field.kind)?,
            }
        }
        element.name = required(name, "an element of the schema", "a name")?;
        element.annotation = element.annotation.or(converted);
        Ok(element)
    }
}

/// Returns the meaning of the older `ConvertedType`.
fn converted_type(code: i32) -> Option<Annotation> {
    Some(match code {
        0 | 4 | 19 => Annotation::Text,
        1 | 2 => Annotation::Map,
        3 => Annotation::List,
        5 => Annotation::Decimal,
        6 => Annotation::Date,
        7 => Annotation::Time(Unit::Milliseconds),
        8 => Annotation::Time(Unit::Microseconds),
        9 => Annotation::Timestamp(Unit::Milliseconds),
        10 => Annotation::Timestamp(Unit::Microseconds),
        11 => Annotation::Unsigned(8),
        12 => Annotation::Unsigned(16),
        13 => Annotation::Unsigned(32),
        14 => Annotation::Unsigned(64),
        15 => Annotation::Signed(8),
        16 => Annotation::Signed(16),
        17 => Annotation::Signed(32),
        18 => Annotation::Signed(64),
        _ => return None,
    })
}

/// Reads the union `LogicalType`.
fn logical_type(thrift: &mut Thrift<'_>, kind: Kind) -> Result<Option<Annotation>> {
    thrift.structure(kind)?;
    let (mut annotation, mut previous) = (None, 0);
    while let Some(field) = thrift.field(&mut previous)? {
        annotation = Some(match field.id {
            7 => Annotation::Time(unit(thrift, field.kind)?),
            8 => Annotation::Timestamp(unit(thrift, field.kind)?),
            10 => integer_type(thrift, field.kind)?,
            id => {
                thrift.skip(field.kind)?;
                match id {
                    1 | 4 | 12 => Annotation::Text,
                    2 => Annotation::Map,
                    3 => Annotation::List,
                    5 => Annotation::Decimal,
                    6 => Annotation::Date,
                    15 => Annotation::Float16,
                    _ => Annotation::Other,
                }
            }
        });
    }
    Ok(annotation)
}

/// Reads `TimeType` or `TimestampType`.
fn unit(thrift: &mut Thrift<'_>, kind: Kind) -> Result<Unit> {
    thrift.structure(kind)?;
    let (mut unit, mut previous) = (Unit::Nanoseconds, 0);
    while let Some(field) = thrift.field(&mut previous)? {
        if field.id != 2 {
            thrift.skip(field.kind)?;
            continue;
        }
        thrift.structure(field.kind)?;
        let mut previous = 0;
        while let Some(field) = thrift.field(&mut previous)? {
            thrift.skip(field.kind)?;
            unit = match field.id {
                1 => Unit::Milliseconds,
                2 => Unit::Microseconds,
                _ => Unit::Nanoseconds,
            };
        }
    }
    Ok(unit)
}

/// Reads `IntType`.
fn integer_type(thrift: &mut Thrift<'_>, kind: Kind) -> Result<Annotation> {
    thrift.structure(kind)?;
    let (mut width, mut signed, mut previous) = (64, true, 0);
    while let Some(field) = thrift.field(&mut previous)? {
        match field.id {
            1 => width = u8::try_from(thrift.integer(field.kind)?).unwrap_or(64),
            2 => signed = thrift.boolean(field.kind)?,
            _ => thrift.skip(field.kind)?,
        }
    }
    Ok(if signed { Annotation::Signed(width) } else { Annotation::Unsigned(width) })
}

impl Group {
    fn parse(thrift: &mut Thrift<'_>) -> Result<Self> {
        let (mut columns, mut rows, mut previous) = (None, None, 0);
        while let Some(field) = thrift.field(&mut previous)? {
            match field.id {
                1 => columns = Some(thrift.structures(field.kind, Chunk::parse)?),
                3 => rows = Some(thrift.count(field.kind)?),
                _ => thrift.skip(field.kind)?,
            }
        }
        Ok(Self {
            columns: required(columns, "a row group", "columns")?,
            rows: required(rows, "a row group", "a number of rows")?,
        })
    }
}

impl Chunk {
    fn parse(thrift: &mut Thrift<'_>) -> Result<Self> {
        let (mut chunk, mut previous) = (None, 0);
        while let Some(field) = thrift.field(&mut previous)? {
            match field.id {
                1 => return Err(ParquetProblem::OtherFiles),
                3 => chunk = Some(Self::parse_metadata(thrift, field.kind)?),
                8 | 9 => return Err(ParquetProblem::Encrypted),
                _ => thrift.skip(field.kind)?,
            }
        }
        required(chunk, COLUMN, "metadata")
    }

    fn parse_metadata(thrift: &mut Thrift<'_>, kind: Kind) -> Result<Self> {
        thrift.structure(kind)?;
        let (mut physical, mut codec, mut values, mut length) = (None, None, None, None);
        let (mut data, mut dictionary, mut previous) = (None, None, 0);
        while let Some(field) = thrift.field(&mut previous)? {
            match field.id {
                1 => physical = Some(thrift.code(field.kind)?),
                4 => codec = Some(thrift.code(field.kind)?),
                5 => values = Some(thrift.count(field.kind)?),
                7 => length = Some(thrift.count(field.kind)?),
                9 => data = Some(thrift.count(field.kind)?),
                11 => dictionary = Some(thrift.count(field.kind)?),
                _ => thrift.skip(field.kind)?,
            }
        }
        let data = required(data, COLUMN, "an offset")?;
        // Some writers store 0 for a dictionary that doesn't exist.
        let start = dictionary.filter(|&start| 0 < start && start < data).unwrap_or(data);
        Ok(Self {
            physical: required(physical, COLUMN, "a type")?,
            codec: required(codec, COLUMN, "a compression")?,
            values: required(values, COLUMN, "a number of values")?,
            length: required(length, COLUMN, "a size")?,
            start,
        })
    }
}
