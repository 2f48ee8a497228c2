use crate::data::parquet::metadata::{Annotation, Unit};
use crate::data::parquet::tree::Tree;
use crate::data::parquet_problem::ParquetProblem;

/// Stored type of the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Physical {
    Boolean,
    Int32,
    Int64,
    Int96,
    Float,
    Double,
    Bytes,
    /// A number of bytes.
    Fixed(usize),
}

impl Physical {
    /// Returns the type of an element.
    pub(super) fn of(tree: &Tree) -> Result<Self, ParquetProblem> {
        Ok(match tree.element.physical {
            Some(0) => Self::Boolean,
            Some(1) => Self::Int32,
            Some(2) => Self::Int64,
            Some(3) => Self::Int96,
            Some(4) => Self::Float,
            Some(5) => Self::Double,
            Some(6) => Self::Bytes,
            Some(7) => {
                let length = tree.element.type_length.and_then(|length| length.try_into().ok());
                Self::Fixed(length.ok_or_else(|| tree.invalid("its type has no length"))?)
            }
            _ => return Err(tree.invalid("its type is unknown")),
        })
    }

    /// Returns the number of the type in the specification.
    pub(super) fn code(self) -> i32 {
        match self {
            Self::Boolean => 0,
            Self::Int32 => 1,
            Self::Int64 => 2,
            Self::Int96 => 3,
            Self::Float => 4,
            Self::Double => 5,
            Self::Bytes => 6,
            Self::Fixed(_) => 7,
        }
    }

    /// Returns the number of bytes of a value, or `None` for booleans and byte strings.
    pub(super) fn width(self) -> Option<usize> {
        match self {
            Self::Boolean | Self::Bytes => None,
            Self::Int32 | Self::Float => Some(4),
            Self::Int64 | Self::Double => Some(8),
            Self::Int96 => Some(12),
            Self::Fixed(length) => Some(length),
        }
    }
}

/// Type of the values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Text,
    Boolean,
    /// Integers with a number of bits.
    Signed(u8),
    Unsigned(u8),
    Half,
    Float,
    Double,
    /// Integers that are divided by a power of ten.
    Decimal(Option<i32>),
    Date,
    Time(Unit),
    Timestamp(Unit),
    /// Nanoseconds of the day, and the Julian day.
    Int96,
    Bytes,
}

impl Meaning {
    /// Returns the meaning of a column's values.
    pub(super) fn of(tree: &Tree) -> Result<Self, ParquetProblem> {
        let decimal = Self::Decimal(tree.element.scale);
        let physical = Physical::of(tree)?;
        Ok(match (physical, tree.element.annotation) {
            (Physical::Boolean, _) => Self::Boolean,
            (Physical::Int96, _) => Self::Int96,
            (Physical::Float, _) => Self::Float,
            (Physical::Double, _) => Self::Double,
            (_, Some(Annotation::Decimal)) => decimal,
            (Physical::Int32, Some(annotation)) => match annotation {
                Annotation::Signed(bits @ (8 | 16)) => Self::Signed(bits),
                Annotation::Unsigned(bits @ (8 | 16 | 32)) => Self::Unsigned(bits),
                Annotation::Date => Self::Date,
                Annotation::Time(unit @ Unit::Milliseconds) => Self::Time(unit),
                _ => Self::Signed(32),
            },
            (Physical::Int32, None) => Self::Signed(32),
            (Physical::Int64, Some(annotation)) => match annotation {
                Annotation::Unsigned(64) => Self::Unsigned(64),
                Annotation::Time(unit @ Unit::Microseconds) => Self::Time(unit),
                // Nanoseconds are integers, because older versions of the format have none.
                Annotation::Timestamp(unit @ (Unit::Milliseconds | Unit::Microseconds)) => {
                    Self::Timestamp(unit)
                }
                _ => Self::Signed(64),
            },
            (Physical::Int64, None) => Self::Signed(64),
            (Physical::Bytes, Some(Annotation::Text)) => Self::Text,
            (Physical::Fixed(2), Some(Annotation::Float16)) => Self::Half,
            (Physical::Bytes | Physical::Fixed(_), _) => Self::Bytes,
        })
    }

    /// Returns whether lists of such values can be used.
    pub(super) fn is_text_or_number(self) -> bool {
        matches!(
            self,
            Self::Text
                | Self::Signed(_)
                | Self::Unsigned(_)
                | Self::Half
                | Self::Float
                | Self::Double
        )
    }

    /// Returns whether a value has a text.
    pub(super) fn is_shown(self) -> bool {
        self != Self::Bytes
    }
}
