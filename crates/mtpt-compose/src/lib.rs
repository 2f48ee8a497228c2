#![doc = include_str!("../README.md")]

mod add;
mod attention;
mod composition;
mod concat;
mod concat_features;
mod error;
mod flat;
mod fold;
mod gated;
mod hierarchy;
mod instance_attention;
mod low_rank;
mod parameter_count;
mod project;
mod range;
mod separate;
mod start;
mod tree;
mod weighted;

pub use add::AddConfig;
pub use attention::AttentionConfig;
pub use composition::{Composition, CompositionConfig, OwnConfig};
pub use concat::ConcatConfig;
pub use concat_features::ConcatFeaturesConfig;
pub use error::{Error, Result};
pub use flat::Flat;
pub use gated::{GateInput, GatedConfig};
pub use hierarchy::{Hierarchy, HierarchyConfig};
pub use instance_attention::{InstanceAttention, InstanceAttentionConfig};
pub use low_rank::LowRankConfig;
pub use parameter_count::ParameterCount;
pub use project::ProjectConfig;
pub use separate::SeparateConfig;
pub use start::{Part, Start};
pub use tree::Tree;
pub use weighted::WeightedConfig;
