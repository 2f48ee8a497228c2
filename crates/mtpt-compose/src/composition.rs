use std::fmt;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Bool, Tensor};
use mtpt_core::{Compose, TaskIndex};
use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fold::Fold;
use crate::range::check_range;
use crate::{
    AddConfig, AttentionConfig, ConcatConfig, ConcatFeaturesConfig, Error, Flat, GatedConfig,
    Hierarchy, HierarchyConfig, InstanceAttention, InstanceAttentionConfig, LowRankConfig,
    NodeWeights, ParameterCount, ProjectConfig, Result, SeparateConfig, Start, Tree,
    WeightedConfig,
};

/// Which strategy composes prompts, and its options: `strategy = "low_rank"`, `rank = 1`.
///
/// The name alone, `"low_rank"`, is the strategy with its default options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "snake_case", remote = "Self")]
#[non_exhaustive]
pub enum CompositionConfig {
    /// `P ∘ (U_k V_k)`
    LowRank(LowRankConfig),
    /// `[P ; T_k]` along the sequence
    Concat(ConcatConfig),
    /// `P + T_k`
    Add(AddConfig),
    /// `s P + (1 - s) T_k`
    Weighted(WeightedConfig),
    /// `g_0 P + g_1 T_k`
    Gated(GatedConfig),
    /// `[P_s ; T_k]` along the width
    ConcatFeatures(ConcatFeaturesConfig),
    /// `P_s A_k + b_k`
    Project(ProjectConfig),
    /// `P` and what a task's query finds in a pool
    Attention(AttentionConfig),
    /// `T_k + sum_j a_j C_j`, `a` from the input
    InstanceAttention(InstanceAttentionConfig),
    /// A strategy for each level of the task tree
    Hierarchy(HierarchyConfig),
    /// `T_k`
    Separate(SeparateConfig),
    /// A strategy that the program at hand brings itself: `strategy = "own"`, `name = "mean"`
    Own(OwnConfig),
}

/// A strategy that the program at hand brings itself, by implementing [`Compose`]: its name is all that files know of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnConfig {
    /// What the program calls it.
    pub name: String,
}

/// One of this crate's strategies, chosen at run time by a [`CompositionConfig`].
#[derive(Module, Debug)]
pub enum Composition {
    /// A shared prompt and a part for each task.
    Flat(Flat),
    /// A part for each node of the task tree.
    Hierarchy(Hierarchy),
    /// Prompts that depend on the inputs.
    InstanceAttention(InstanceAttention),
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

impl Default for CompositionConfig {
    fn default() -> Self {
        Self::LowRank(LowRankConfig::default())
    }
}

impl CompositionConfig {
    /// Every strategy of this crate with its default options, in the order of the catalogue.
    pub fn catalogue() -> Vec<Self> {
        vec![
            Self::LowRank(LowRankConfig::default()),
            Self::Concat(ConcatConfig::default()),
            Self::Add(AddConfig::default()),
            Self::Weighted(WeightedConfig::default()),
            Self::Gated(GatedConfig::default()),
            Self::ConcatFeatures(ConcatFeaturesConfig::default()),
            Self::Project(ProjectConfig::default()),
            Self::Attention(AttentionConfig::default()),
            Self::InstanceAttention(InstanceAttentionConfig::default()),
            Self::Hierarchy(HierarchyConfig::default()),
            Self::Separate(SeparateConfig::default()),
        ]
    }

    /// The name under which a configuration file knows the strategy.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LowRank(_) => "low_rank",
            Self::Concat(_) => "concat",
            Self::Add(_) => "add",
            Self::Weighted(_) => "weighted",
            Self::Gated(_) => "gated",
            Self::ConcatFeatures(_) => "concat_features",
            Self::Project(_) => "project",
            Self::Attention(_) => "attention",
            Self::InstanceAttention(_) => "instance_attention",
            Self::Hierarchy(_) => "hierarchy",
            Self::Separate(_) => "separate",
            Self::Own(_) => "own",
        }
    }

    /// What kind of strategy it is.
    fn kind(&self) -> Kind<'_> {
        match self {
            Self::LowRank(config) => Kind::Fold(config),
            Self::Concat(config) => Kind::Fold(config),
            Self::Add(config) => Kind::Fold(config),
            Self::Weighted(config) => Kind::Fold(config),
            Self::Gated(config) => Kind::Fold(config),
            Self::ConcatFeatures(config) => Kind::Fold(config),
            Self::Project(config) => Kind::Fold(config),
            Self::Attention(config) => Kind::Fold(config),
            Self::Separate(config) => Kind::Fold(config),
            Self::InstanceAttention(config) => Kind::InstanceAttention(config),
            Self::Hierarchy(config) => Kind::Hierarchy(config),
            Self::Own(config) => Kind::Own(config),
        }
    }

    /// The strategy, if it makes a prompt of the one above and a part alone.
    pub(crate) fn fold(&self) -> Option<&dyn Fold> {
        match self.kind() {
            Kind::Fold(strategy) => Some(strategy),
            _ => None,
        }
    }

    /// Checks the options against the shape of the shared prompt.
    ///
    /// # Errors
    ///
    /// When an option is out of its range, which the error names.
    pub fn check(&self, prompt_length: usize, d_model: usize) -> Result<()> {
        match self.kind() {
            Kind::Fold(strategy) => strategy.check(prompt_length, d_model),
            Kind::InstanceAttention(config) => config.check(),
            Kind::Hierarchy(config) => config.check(prompt_length, d_model),
            Kind::Own(_) => Ok(()),
        }
    }

    /// Number of prompts that attentions mix, those of all levels together; 0 for strategies without one.
    pub fn component_count(&self) -> usize {
        match self.kind() {
            Kind::Fold(strategy) => strategy.components(),
            Kind::InstanceAttention(config) => config.components,
            Kind::Hierarchy(config) => {
                config.levels.iter().flatten().map(Self::component_count).sum()
            }
            Kind::Own(_) => 0,
        }
    }

    /// Number of trained numbers, in closed form, for a shared prompt of shape `[prompt_length, d_model]` and these tasks.
    ///
    /// # Errors
    ///
    /// [`Error::Levels`] and its like, when the levels of a hierarchy are not those of the tree; [`Error::OwnStrategy`], since
    /// nothing is known of it here.
    pub fn parameter_count(
        &self,
        prompt_length: usize,
        d_model: usize,
        tree: &Tree,
    ) -> Result<ParameterCount> {
        match self.kind() {
            Kind::Fold(strategy) => {
                Ok(Flat::parameter_count(strategy, prompt_length, d_model, tree))
            }
            Kind::InstanceAttention(config) => {
                Ok(config.parameter_count(prompt_length, d_model, tree))
            }
            Kind::Hierarchy(config) => config.parameter_count(prompt_length, d_model, tree),
            Kind::Own(config) => Err(config.unknown()),
        }
    }

    /// Makes the composition.
    ///
    /// # Errors
    ///
    /// When an option is out of range, there is no task, first values are not to be had, or the levels of a hierarchy are not
    /// those of the tree or give tasks prompts of different lengths; [`Error::OwnStrategy`], which its own program makes.
    pub fn init(&self, start: &Start<'_>) -> Result<Composition> {
        if start.tree.task_count() == 0 {
            return Err(Error::NoTask);
        }
        match self.kind() {
            Kind::Fold(strategy) => Flat::init(strategy, start).map(Composition::Flat),
            Kind::InstanceAttention(config) => {
                config.init(start).map(Composition::InstanceAttention)
            }
            Kind::Hierarchy(config) => config.init(start).map(Composition::Hierarchy),
            Kind::Own(config) => Err(config.unknown()),
        }
    }
}

impl OwnConfig {
    fn unknown(&self) -> Error {
        Error::OwnStrategy { name: self.name.clone() }
    }
}

/// A strategy by what makes it.
enum Kind<'a> {
    /// It makes a prompt of the one above and a part alone, at any level.
    Fold(&'a dyn Fold),
    InstanceAttention(&'a InstanceAttentionConfig),
    Hierarchy(&'a HierarchyConfig),
    Own(&'a OwnConfig),
}

impl Composition {
    /// Leaves levels out of training: 0 is the root, with the shared prompt; in strategies without a tree, 1 is the tasks.
    ///
    /// Gradients are neither computed nor applied there, so that these numbers keep every bit.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for a level that there is not, [`Error::AllFrozen`] if none is left.
    pub fn freeze_levels(mut self, levels: &[usize]) -> Result<Self> {
        let count = match &self {
            Self::Hierarchy(hierarchy) => hierarchy.tree().levels(),
            Self::Flat(_) | Self::InstanceAttention(_) => 2,
        };
        for &level in levels {
            check_range("frozen_levels", level, 0, count - 1)?;
            self = match self {
                Self::Flat(flat) => Self::Flat(flat.frozen(level)),
                Self::Hierarchy(hierarchy) => Self::Hierarchy(hierarchy.frozen(level)),
                Self::InstanceAttention(attention) => {
                    Self::InstanceAttention(attention.frozen(level))
                }
            };
        }
        if !levels.is_empty() && self.trained_numbers() == 0 {
            return Err(Error::AllFrozen);
        }
        Ok(self)
    }

    /// How many numbers training can change.
    pub fn trained_numbers(&self) -> usize {
        struct Count(usize);
        impl ModuleVisitor for Count {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if param.is_require_grad() {
                    self.0 += param.lazy_shape().num_elements();
                }
            }
        }
        let mut count = Count(0);
        self.visit(&mut count);
        count.0
    }

    /// By what weights the prompts of tasks and groups are mixed, in the order of their nodes: those of `weighted`, `gated`
    /// and `attention`, on every level of a tree. None of strategies that learn no such weights, nor of `instance_attention`,
    /// whose weights are those of an input: [`InstanceAttention::component_shares`].
    pub fn mixture_weights(&self) -> Vec<NodeWeights> {
        match self {
            Self::Flat(flat) => flat.mixture_weights(),
            Self::Hierarchy(hierarchy) => hierarchy.mixture_weights(),
            Self::InstanceAttention(_) => Vec::new(),
        }
    }

    /// The plain prompt that a task's parts come to, `[prompt_length, d_model]`, without gradients.
    ///
    /// # Errors
    ///
    /// [`Error::ReadsInputs`], when there is no such prompt, since it depends on the input.
    ///
    /// # Panics
    ///
    /// When the task is not below [`task_count`](Compose::task_count).
    pub fn plain_prompt(&self, task: TaskIndex) -> Result<Tensor<2>> {
        if self.reads_inputs() { Err(Error::ReadsInputs) } else { Ok(self.compose(task).inner()) }
    }

    /// The plain prompts that some tasks' parts come to, as a composition of their own, in the order asked for.
    ///
    /// # Errors
    ///
    /// [`Error::ReadsInputs`], when there is no such prompt, since it depends on the input; [`Error::NoTask`] for none.
    ///
    /// # Panics
    ///
    /// When a task is not below [`task_count`](Compose::task_count).
    pub fn to_separate(&self, tasks: &[TaskIndex]) -> Result<Self> {
        Self::plain(tasks.iter().map(|&task| self.plain_prompt(task)).collect::<Result<_>>()?)
    }

    /// Plain prompts, one for each task.
    ///
    /// # Shapes
    ///
    /// - `prompts`: each `[prompt_length, d_model]`
    ///
    /// # Errors
    ///
    /// [`Error::NoTask`] for none.
    ///
    /// # Panics
    ///
    /// When shapes differ.
    pub fn plain(prompts: Vec<Tensor<2>>) -> Result<Self> {
        let Some(first) = prompts.first() else { return Err(Error::NoTask) };
        let shape = first.dims();
        assert!(prompts.iter().all(|prompt| prompt.dims() == shape), "prompts of one shape");
        Ok(Self::Flat(Flat::separate(prompts)))
    }
}

/// Calls the same method on whatever the variant holds.
macro_rules! each {
    ($value:expr, $inner:ident => $body:expr) => {
        match $value {
            Composition::Flat($inner) => $body,
            Composition::Hierarchy($inner) => $body,
            Composition::InstanceAttention($inner) => $body,
        }
    };
}

impl Compose for Composition {
    fn prompt_length(&self) -> usize {
        each!(self, inner => inner.prompt_length())
    }

    fn d_model(&self) -> usize {
        each!(self, inner => inner.d_model())
    }

    fn task_count(&self) -> usize {
        each!(self, inner => inner.task_count())
    }

    fn reads_inputs(&self) -> bool {
        each!(self, inner => inner.reads_inputs())
    }

    fn task_parameters(&self) -> Vec<ParamId> {
        each!(self, inner => inner.task_parameters())
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        each!(self, inner => inner.compose(task))
    }

    fn compose_for(
        &self,
        rows: &[TaskIndex],
        embeddings: &Tensor<3>,
        mask: &Tensor<2, Bool>,
    ) -> Tensor<3> {
        each!(self, inner => inner.compose_for(rows, embeddings, mask))
    }
}
