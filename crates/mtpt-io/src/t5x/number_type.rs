use half::{bf16, f16};

/// What the numbers of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberType {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
}

/// Types by the names of numpy, and by those of zarr's second format without the byte order.
#[rustfmt::skip]
const NAMES: &[(&str, &str, NumberType)] = &[
    ("float64",  "f8",       NumberType::F64),
    ("float32",  "f4",       NumberType::F32),
    ("float16",  "f2",       NumberType::F16),
    ("bfloat16", "bfloat16", NumberType::Bf16),
    ("int64",    "i8",       NumberType::I64),
    ("int32",    "i4",       NumberType::I32),
    ("int16",    "i2",       NumberType::I16),
    ("int8",     "i1",       NumberType::I8),
    ("uint64",   "u8",       NumberType::U64),
    ("uint32",   "u4",       NumberType::U32),
    ("uint16",   "u2",       NumberType::U16),
    ("uint8",    "u1",       NumberType::U8),
    ("bool",     "b1",       NumberType::Bool),
];

impl NumberType {
    /// The type of a name that numpy gives.
    pub(super) fn of_numpy(name: &str) -> Option<Self> {
        NAMES.iter().find(|(numpy, _, _)| *numpy == name).map(|(_, _, found)| *found)
    }

    /// The type of a `dtype` of zarr, such as `<f4`.
    pub(super) fn of_zarr(name: &str) -> Option<Self> {
        let name = name.trim_start_matches(['<', '>', '|']);
        NAMES.iter().find(|(_, zarr, _)| *zarr == name).map(|(_, _, found)| *found)
    }

    /// Bytes of one number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Little-endian numbers in single precision, appended to others.
    pub(super) fn widen(self, bytes: &[u8], values: &mut Vec<f32>) {
        macro_rules! widened {
            ($number:ty, $widen:expr) => {
                values.extend(
                    bytes
                        .as_chunks()
                        .0
                        .iter()
                        .map(|bytes| $widen(<$number>::from_le_bytes(*bytes))),
                )
            };
        }
        match self {
            Self::F64 => widened!(f64, |number| number as f32),
            Self::F32 => widened!(f32, |number| number),
            Self::F16 => widened!(f16, f16::to_f32),
            Self::Bf16 => widened!(bf16, bf16::to_f32),
            Self::I64 => widened!(i64, |number| number as f32),
            Self::I32 => widened!(i32, |number| number as f32),
            Self::I16 => widened!(i16, f32::from),
            Self::I8 => widened!(i8, f32::from),
            Self::U64 => widened!(u64, |number| number as f32),
            Self::U32 => widened!(u32, |number| number as f32),
            Self::U16 => widened!(u16, f32::from),
            Self::U8 => widened!(u8, f32::from),
            Self::Bool => widened!(u8, |number| f32::from(u8::from(number != 0))),
        }
    }
}
