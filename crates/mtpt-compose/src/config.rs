use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::strategies::add::AddConfig;
use crate::strategies::attention::AttentionConfig;
use crate::strategies::concat::ConcatConfig;
use crate::strategies::concat_features::ConcatFeaturesConfig;
use crate::strategies::gated::GatedConfig;
use crate::strategies::instance_attention::InstanceAttentionConfig;
use crate::strategies::low_rank::LowRankConfig;
use crate::strategies::project::ProjectConfig;
use crate::strategies::separate::SeparateConfig;
use crate::strategies::weighted::WeightedConfig;
use crate::task_part::LevelStrategy;

/// Declares the strategies of this crate: variant, configuration, name in files, and [`Kind`].
macro_rules! strategies {
    ($($(#[$doc:meta])* $variant:ident($config:ty) = $name:literal, $kind:ident;)*) => {
        /// The strategy that composes prompts, and its options: `strategy = "low_rank"`,
        /// `rank = 1`.
        ///
        /// A name without options, `"low_rank"`, selects the default options.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "strategy", remote = "Self")]
        #[non_exhaustive]
        pub enum CompositionConfig {
            $($(#[$doc])* #[serde(rename = $name)] $variant($config),)*
            /// A strategy that the calling program implements: `strategy = "own"`,
            /// `name = "mean"`.
            #[serde(rename = "own", alias = "custom")]
            Custom(CustomConfig),
        }

        impl CompositionConfig {
            /// Returns every strategy of this crate with its default options.
            pub fn catalogue() -> Vec<Self> {
                vec![$(Self::$variant(<$config>::default())),*]
            }

            /// Returns the strategy's name in configuration files.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                    Self::Custom(_) => "own",
                }
            }

            pub(crate) fn kind(&self) -> Kind<'_> {
                match self {
                    $(Self::$variant(config) => Kind::$kind(config),)*
                    Self::Custom(config) => Kind::Custom(config),
                }
            }
        }
    };
}

strategies! {
    /// `P ∘ (U_k V_k)`
    LowRank(LowRankConfig) = "low_rank", Level;
    /// `[P ; T_k]` along the sequence
    Concat(ConcatConfig) = "concat", Level;
    /// `P + T_k`
    Add(AddConfig) = "add", Level;
    /// `s P + (1 - s) T_k`
    Weighted(WeightedConfig) = "weighted", Level;
    /// `g_0 P + g_1 T_k`
    Gated(GatedConfig) = "gated", Level;
    /// `[P_s ; T_k]` along the features
    ConcatFeatures(ConcatFeaturesConfig) = "concat_features", Level;
    /// `P_s A_k + b_k`
    Project(ProjectConfig) = "project", Level;
    /// `P` plus attention of a task's query over a pool of components
    Attention(AttentionConfig) = "attention", Level;
    /// `T_k + sum_j a_j C_j`, `a` from the input
    InstanceAttention(InstanceAttentionConfig) = "instance_attention", InstanceAttention;
    /// One strategy per level of the task tree
    Hierarchy(HierarchyConfig) = "hierarchy", Hierarchy;
    /// `T_k`
    Separate(SeparateConfig) = "separate", Level;
}

/// A strategy by how its composition is built.
pub(crate) enum Kind<'a> {
    /// Combines a parent prompt and a part, at any level of a tree.
    Level(&'a dyn LevelStrategy),
    InstanceAttention(&'a InstanceAttentionConfig),
    Hierarchy(&'a HierarchyConfig),
    Custom(&'a CustomConfig),
}

/// A strategy that the calling program implements with [`Compose`](mtpt_core::Compose). Files only
/// store its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomConfig {
    /// Name of the strategy.
    pub name: String,
}

impl CustomConfig {
    pub(crate) fn unknown(&self) -> Error {
        Error::CustomStrategy { name: self.name.clone() }
    }
}

/// One strategy per level of the task tree: each node's prompt is computed from its parent's prompt
/// and the node's part.
///
/// Every node, including the root and the tasks, has a part as its level's strategy defines it.
/// Tasks of a group share the group's prompt. The root's parent is the shared prompt `P`; with
/// `separate` at the root, the root's part is the shared prompt itself. Training starts at `P` if
/// the strategies do.
///
/// Shared: the parameters of the root's strategy, and the pools of `attention`. Each node: the
/// parameters of one part of its level's strategy.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `levels` | `separate` at the root, `low_rank` of rank 1 below | strategy per level | \* |
///
/// \* One entry per level of the tree, the root's first; neither `instance_attention` nor
/// `hierarchy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HierarchyConfig {
    /// Strategy of each level, the root's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<CompositionConfig>>,
}

impl HierarchyConfig {
    /// Returns the strategy of a level.
    pub(crate) fn level(&self, depth: usize) -> CompositionConfig {
        match &self.levels {
            Some(levels) => levels[depth].clone(),
            None if depth == 0 => CompositionConfig::Separate(SeparateConfig::default()),
            None => CompositionConfig::LowRank(LowRankConfig::default()),
        }
    }
}

impl Default for CompositionConfig {
    fn default() -> Self {
        Self::LowRank(LowRankConfig::default())
    }
}

impl Serialize for CompositionConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for CompositionConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = CompositionConfig;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(
                    "a strategy, `{ strategy = \"low_rank\", rank = 1 }` or `\"low_rank\"`",
                )
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
                let table = MapDeserializer::new(std::iter::once(("strategy", name)));
                CompositionConfig::deserialize(table)
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
                CompositionConfig::deserialize(MapAccessDeserializer::new(table))
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}
