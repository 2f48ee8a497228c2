#![doc = include_str!("../README.md")]

mod composition;
mod config;
mod error;
mod flat;
mod hierarchy;
mod init;
mod mixture_weights;
mod parameter_count;
mod part_id;
mod range;
mod strategies;
mod strategy;
mod task_part;
mod tree;
mod uniform;

pub use composition::Composition;
pub use config::{CompositionConfig, CustomConfig, HierarchyConfig};
pub use error::{Error, Result};
pub use flat::Flat;
pub use hierarchy::Hierarchy;
pub use init::InitContext;
pub use mixture_weights::{MixtureWeights, NodeWeights};
pub use parameter_count::ParameterCount;
pub use part_id::PartId;
pub use strategies::add::AddConfig;
pub use strategies::attention::AttentionConfig;
pub use strategies::concat::ConcatConfig;
pub use strategies::concat_features::ConcatFeaturesConfig;
pub use strategies::gated::{GateInput, GatedConfig};
pub use strategies::instance_attention::{InstanceAttention, InstanceAttentionConfig};
pub use strategies::low_rank::LowRankConfig;
pub use strategies::project::ProjectConfig;
pub use strategies::separate::SeparateConfig;
pub use strategies::weighted::WeightedConfig;
pub use tree::Tree;
