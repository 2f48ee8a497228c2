use std::fmt;

use half::{bf16, f16};

/// The type of a tensor's elements in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 64-bit float.
    F64,
    /// 32-bit float.
    F32,
    /// 16-bit float.
    F16,
    /// Brain float, 16 bits.
    Bf16,
    /// 64-bit signed integer.
    I64,
    /// 32-bit signed integer.
    I32,
    /// 16-bit signed integer.
    I16,
    /// 8-bit signed integer.
    I8,
    /// 64-bit unsigned integer.
    U64,
    /// 32-bit unsigned integer.
    U32,
    /// 16-bit unsigned integer.
    U16,
    /// 8-bit unsigned integer.
    U8,
    /// One byte, zero for false.
    Bool,
}

/// Types with their names in numpy and, without the byte order, in zarr's second format.
#[rustfmt::skip]
const NAMES: &[(Dtype, &str, &str)] = &[
    (Dtype::F64,  "float64",  "f8"),
    (Dtype::F32,  "float32",  "f4"),
    (Dtype::F16,  "float16",  "f2"),
    (Dtype::Bf16, "bfloat16", "bfloat16"),
    (Dtype::I64,  "int64",    "i8"),
    (Dtype::I32,  "int32",    "i4"),
    (Dtype::I16,  "int16",    "i2"),
    (Dtype::I8,   "int8",     "i1"),
    (Dtype::U64,  "uint64",   "u8"),
    (Dtype::U32,  "uint32",   "u4"),
    (Dtype::U16,  "uint16",   "u2"),
    (Dtype::U8,   "uint8",    "u1"),
    (Dtype::Bool, "bool",     "b1"),
];

impl Dtype {
    /// Returns the type with a name in numpy, such as `float32`.
    pub fn from_numpy(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, numpy, _)| *numpy == name).map(|(dtype, ..)| *dtype)
    }

    /// Returns the type with a name in zarr's second format, such as `<f4`.
    pub fn from_zarr(name: &str) -> Option<Self> {
        let name = name.trim_start_matches(['<', '>', '|']);
        NAMES.iter().find(|(.., zarr)| *zarr == name).map(|(dtype, ..)| *dtype)
    }

    /// Returns the size of an element in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Returns whether elements are floats.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16)
    }

    /// Converts little-endian elements to 32-bit floats.
    pub fn widen(self, bytes: &[u8]) -> Vec<f32> {
        let mut values = Vec::with_capacity(bytes.len() / self.size());
        self.widen_into(bytes, &mut values);
        values
    }

    /// Converts little-endian elements to 32-bit floats and appends them to others.
    pub fn widen_into(self, bytes: &[u8], values: &mut Vec<f32>) {
        macro_rules! widen {
            ($element:ty, $widen:expr) => {{
                let (elements, _) = bytes.as_chunks();
                values
                    .extend(elements.iter().map(|bytes| $widen(<$element>::from_le_bytes(*bytes))))
            }};
        }
        match self {
            Self::F64 => widen!(f64, |value| value as f32),
            Self::F32 => widen!(f32, |value| value),
            Self::F16 => widen!(f16, f16::to_f32),
            Self::Bf16 => widen!(bf16, bf16::to_f32),
            Self::I64 => widen!(i64, |value| value as f32),
            Self::I32 => widen!(i32, |value| value as f32),
            Self::I16 => widen!(i16, f32::from),
            Self::I8 => widen!(i8, f32::from),
            Self::U64 => widen!(u64, |value| value as f32),
            Self::U32 => widen!(u32, |value| value as f32),
            Self::U16 => widen!(u16, f32::from),
            Self::U8 => widen!(u8, f32::from),
            Self::Bool => widen!(u8, |value| f32::from(u8::from(value != 0))),
        }
    }

    /// Converts elements in the machine's byte order to 32-bit floats.
    pub fn widen_native(self, mut bytes: Vec<u8>) -> Vec<f32> {
        if cfg!(target_endian = "big") {
            bytes.chunks_exact_mut(self.size()).for_each(<[u8]>::reverse);
        }
        self.widen(&bytes)
    }
}

/// The name in numpy.
impl fmt::Display for Dtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(dtype, ..)| dtype == self).map(|(_, numpy, _)| *numpy);
        formatter.write_str(name.expect("invariant: every type is in the table"))
    }
}
