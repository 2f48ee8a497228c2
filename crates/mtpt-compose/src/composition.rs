use burn::module::Module;
use burn::tensor::Tensor;
use mtpt_core::{Compose, TaskIndex};
use serde::{Deserialize, Serialize};

use crate::{
    Add, AddConfig, Concat, ConcatConfig, Gated, GatedConfig, LowRank, LowRankConfig,
    ParameterCount, Result, Separate, SeparateConfig, Start, Weighted, WeightedConfig,
};

/// Which strategy composes prompts, and its options: `strategy = "low_rank"`, `rank = 1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "snake_case")]
#[non_exhaustive]
pub enum CompositionConfig {
    /// [`LowRank`]
    LowRank(LowRankConfig),
    /// [`Concat`]
    Concat(ConcatConfig),
    /// [`Add`]
    Add(AddConfig),
    /// [`Weighted`]
    Weighted(WeightedConfig),
    /// [`Gated`]
    Gated(GatedConfig),
    /// [`Separate`]
    Separate(SeparateConfig),
}

/// One of this crate's strategies, chosen at run time by a [`CompositionConfig`].
#[derive(Module, Debug)]
pub enum Composition {
    /// `P ∘ (U_k V_k)`
    LowRank(LowRank),
    /// `[P ; T_k]`
    Concat(Concat),
    /// `P + T_k`
    Add(Add),
    /// `s P + (1 - s) T_k`
    Weighted(Weighted),
    /// `g_0 P + g_1 T_k`
    Gated(Gated),
    /// `T_k`
    Separate(Separate),
}

/// Calls the same method on whatever the variant holds.
macro_rules! each {
    ($of:ident, $value:expr, $inner:ident => $body:expr) => {
        match $value {
            $of::LowRank($inner) => $body,
            $of::Concat($inner) => $body,
            $of::Add($inner) => $body,
            $of::Weighted($inner) => $body,
            $of::Gated($inner) => $body,
            $of::Separate($inner) => $body,
        }
    };
}

impl Default for CompositionConfig {
    fn default() -> Self {
        Self::LowRank(LowRankConfig::default())
    }
}

impl CompositionConfig {
    /// Every strategy with its default options, in the order of the catalogue.
    pub fn catalogue() -> Vec<Self> {
        vec![
            Self::LowRank(LowRankConfig::default()),
            Self::Concat(ConcatConfig::default()),
            Self::Add(AddConfig::default()),
            Self::Weighted(WeightedConfig::default()),
            Self::Gated(GatedConfig::default()),
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
            Self::Separate(_) => "separate",
        }
    }

    /// Checks the options against the shape of the shared prompt.
    ///
    /// # Errors
    ///
    /// When an option is out of its range, which the error names.
    pub fn check(&self, prompt_length: usize, d_model: usize) -> Result<()> {
        each!(Self, self, config => config.check(prompt_length, d_model))
    }

    /// Number of trained numbers, in closed form, for a shared prompt of shape `[prompt_length, d_model]`.
    pub fn parameter_count(&self, prompt_length: usize, d_model: usize) -> ParameterCount {
        each!(Self, self, config => config.parameter_count(prompt_length, d_model))
    }

    /// Makes the composition.
    ///
    /// # Errors
    ///
    /// When an option is out of range, there is no task, or first values are not to be had.
    pub fn init(&self, start: &Start<'_>) -> Result<Composition> {
        Ok(match self {
            Self::LowRank(config) => Composition::LowRank(config.init(start)?),
            Self::Concat(config) => Composition::Concat(config.init(start)?),
            Self::Add(config) => Composition::Add(config.init(start)?),
            Self::Weighted(config) => Composition::Weighted(config.init(start)?),
            Self::Gated(config) => Composition::Gated(config.init(start)?),
            Self::Separate(config) => Composition::Separate(config.init(start)?),
        })
    }
}

impl Compose for Composition {
    fn prompt_length(&self) -> usize {
        each!(Self, self, strategy => strategy.prompt_length())
    }

    fn d_model(&self) -> usize {
        each!(Self, self, strategy => strategy.d_model())
    }

    fn task_count(&self) -> usize {
        each!(Self, self, strategy => strategy.task_count())
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        each!(Self, self, strategy => strategy.compose(task))
    }
}
