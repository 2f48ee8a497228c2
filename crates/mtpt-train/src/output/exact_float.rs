//! A float in JSON that is read back exactly, for `#[serde(with = "crate::output::exact_float")]`.
//!
//! The parser of JSON numbers can be off by one unit in the last place, and a resumed run could
//! then select other prompts.

use serde::{Deserialize, Deserializer, Serializer, de};

/// Writes the shortest text that identifies the value.
pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Score(#[serde(with = "super")] f64);

    proptest! {
        #[test]
        fn values_are_read_back_exactly(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            let text = serde_json::to_string(&Score(value)).unwrap();
            let Score(read) = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.to_bits(), bits);
        }
    }
}
