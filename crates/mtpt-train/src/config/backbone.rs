use mtpt_core::WeightFormat;
use serde::{Deserialize, Serialize};

/// How the frozen model computes, the table `backbone`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackboneConfig {
    /// Format of the weights in memory: `f32`, `bf16`, `f16` or `int8`.
    ///
    /// Default: `f32`.
    pub weights: WeightFormat,
}

impl BackboneConfig {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
