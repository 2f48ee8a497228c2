//! A number in JSON that is read back to the bit, for `#[serde(with = "crate::exact_float")]`: the numbers of JSON itself are read
//! by a quick way that can be off by the last place, and a run that goes on would choose other prompts by it.

use serde::{Deserialize, Deserializer, Serializer, de};

/// The shortest text that stands for the number alone.
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
        fn every_bit_comes_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            let text = serde_json::to_string(&Score(value)).unwrap();
            let Score(read) = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.to_bits(), bits);
        }
    }
}
