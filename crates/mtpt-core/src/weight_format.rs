use std::fmt;
use std::str::FromStr;

use burn::tensor::FloatDType;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Format of a model's weights in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightFormat {
    /// 32-bit floats.
    #[default]
    F32,
    /// bfloat16. Activations have the same format.
    Bf16,
    /// IEEE half precision. Activations have the same format.
    F16,
    /// 8-bit integers with a scale for each output, in the linear layers of the blocks.
    ///
    /// Their inputs, and in the backward pass the gradients of their outputs, are rounded to 8-bit
    /// integers too, each row with its own scale. Embeddings, the head, norms and attention are
    /// computed in 32-bit floats. Only the CPU computes with integers.
    Int8,
}

impl WeightFormat {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::F32, Self::Bf16, Self::F16, Self::Int8];

    /// Returns the name: `f32`, `bf16`, `f16` or `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }

    /// Returns the type of floating-point weights and of activations.
    pub fn float(self) -> FloatDType {
        match self {
            Self::F32 | Self::Int8 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
            Self::F16 => FloatDType::F16,
        }
    }
}

impl fmt::Display for WeightFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for WeightFormat {
    type Err = Error;

    /// Returns the format of a [`name`](Self::name).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownWeightFormat`].
    fn from_str(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|format| format.name() == name);
        known.ok_or_else(|| Error::UnknownWeightFormat { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_configurations() {
        for format in WeightFormat::ALL {
            assert_eq!(format.name().parse::<WeightFormat>().unwrap(), format);
        }
        let message = "int4".parse::<WeightFormat>().unwrap_err().to_string();
        assert!(message.contains("`int4`") && message.contains("int8"), "{message}");
    }
}
