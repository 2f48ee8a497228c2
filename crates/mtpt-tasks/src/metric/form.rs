//! The form of metrics in configurations: a name, or a table with options.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::metric::metric::Metric;

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MetricVisitor)
    }
}

struct MetricVisitor;

impl<'de> Visitor<'de> for MetricVisitor {
    type Value = Metric;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("the name of a metric, or a table such as `{ f1 = { positive = \"yes\" } }`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Metric, E> {
        match name {
            "f1" => Ok(Metric::F1 { positive: String::new() }),
            "f1a" => Ok(Metric::F1a { positive: String::new() }),
            "micro_f1" => Ok(Metric::MicroF1 { labels: Vec::new() }),
            "group_exact_match" => Err(E::custom(
                "`group_exact_match` needs the fields that a group shares, such as \
                 `{ group_exact_match = { group = \"{question_id}\" } }`",
            )),
            name => Metric::deserialize(StrDeserializer::new(name)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Metric, A::Error> {
        Metric::deserialize(MapAccessDeserializer::new(map))
    }
}
