use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::error::Result;
use crate::init::PartInit;
use crate::mixture_weights::MixtureWeights;
use crate::strategies::add::{self, AddConfig};
use crate::strategies::attention::{AttentionConfig, Pool};
use crate::strategies::concat::{self, ConcatConfig};
use crate::strategies::concat_features::{self, ConcatFeaturesConfig};
use crate::strategies::gated::{GatedConfig, GatedPart};
use crate::strategies::low_rank::{Factors, LowRankConfig};
use crate::strategies::project::{ProjectConfig, Projection};
use crate::strategies::separate::SeparateConfig;
use crate::strategies::weighted::{WeightedConfig, WeightedPart};
use crate::strategy::Strategy;

/// A [`Strategy`] whose part is one of [`TaskPart`], so that it can be chosen at run time.
pub(crate) trait LevelStrategy: Strategy {
    /// Initializes the part of one task or group.
    fn init_part(&self, init: &mut PartInit<'_, '_>) -> Result<TaskPart>;

    /// Returns a part as [`Strategy::zeros`] does.
    fn zero_part(&self, dims: [usize; 2], device: &Device) -> TaskPart;

    /// Initializes the parameters that all parts of a level share.
    fn init_pool(&self, _init: &mut PartInit<'_, '_>) -> Result<Option<Pool>> {
        Ok(None)
    }

    /// Returns the parameters that all parts of a level share, all zero.
    fn zero_pool(&self, _dims: [usize; 2], _device: &Device) -> Option<Pool> {
        None
    }
}

/// Declares [`TaskPart`] and implements [`LevelStrategy`] for each configuration.
macro_rules! task_parts {
    ($($(#[$doc:meta])* $variant:ident($part:ty) of $config:ty $({ $($method:tt)* })?,)*) => {
        /// Parameters of a task or of a group of tasks.
        ///
        /// The variant is no part of the parameters' names.
        #[derive(Module, Debug)]
        #[expect(
            clippy::large_enum_variant,
            reason = "these are tensor handles, whose data is many times larger"
        )]
        pub(crate) enum TaskPart {
            $($(#[$doc])* $variant($part),)*
        }

        $(impl LevelStrategy for $config {
            fn init_part(&self, init: &mut PartInit<'_, '_>) -> Result<TaskPart> {
                self.init(init).map(TaskPart::$variant)
            }

            fn zero_part(&self, dims: [usize; 2], device: &Device) -> TaskPart {
                TaskPart::$variant(self.zeros(dims, device))
            }

            $($($method)*)?
        })*
    };
}

task_parts! {
    /// `U_k`, `V_k`
    LowRank(Factors) of LowRankConfig,
    /// `T_k`, additional vectors
    Concat(Param<Tensor<2>>) of ConcatConfig,
    /// `T_k`, a summand
    Add(Param<Tensor<2>>) of AddConfig,
    /// `T_k` and its weight
    Weighted(WeightedPart) of WeightedConfig,
    /// `T_k` and its gate
    Gated(GatedPart) of GatedConfig,
    /// `T_k`, additional features
    ConcatFeatures(Param<Tensor<2>>) of ConcatFeaturesConfig,
    /// `A_k`, `b_k`
    Project(Projection) of ProjectConfig,
    /// `q_k`
    Attention(Param<Tensor<1>>) of AttentionConfig {
        fn init_pool(&self, init: &mut PartInit<'_, '_>) -> Result<Option<Pool>> {
            Pool::init(self, init).map(Some)
        }

        fn zero_pool(&self, dims: [usize; 2], device: &Device) -> Option<Pool> {
            Some(Pool::zeros(self, dims, device))
        }
    },
    /// `T_k`, the prompt itself
    Separate(Param<Tensor<2>>) of SeparateConfig,
}

impl TaskPart {
    /// Computes the prompt of the part.
    ///
    /// # Shapes
    ///
    /// - `parent`: `[length, parent_width]`; `None` for `separate`
    /// - output: `[prompt_length, d_model]`
    pub(crate) fn forward(&self, parent: Option<Tensor<2>>, pool: Option<&Pool>) -> Tensor<2> {
        let parent = || parent.expect("invariant: only `separate` has no parent prompt");
        match self {
            Self::LowRank(factors) => factors.forward(parent()),
            Self::Concat(vectors) => concat::forward(parent(), vectors),
            Self::Add(summand) => add::forward(parent(), summand),
            Self::Weighted(part) => part.forward(parent()),
            Self::Gated(part) => part.forward(parent()),
            Self::ConcatFeatures(features) => concat_features::forward(parent(), features),
            Self::Project(projection) => projection.forward(parent()),
            Self::Attention(query) => {
                pool.expect("invariant: attention has a pool").forward(parent(), query)
            }
            Self::Separate(prompt) => prompt.val(),
        }
    }

    /// Returns the trained mixture weights, if the strategy has any.
    ///
    /// The arguments are those of [`forward`](Self::forward).
    pub(crate) fn mixture_weights(
        &self,
        parent: Option<Tensor<2>>,
        pool: Option<&Pool>,
    ) -> Option<MixtureWeights> {
        match self {
            Self::Weighted(part) => Some(part.mixture_weights()),
            Self::Gated(part) => parent.map(|parent| part.mixture_weights(parent)),
            Self::Attention(query) => pool.map(|pool| pool.mixture_weights(query)),
            _ => None,
        }
    }
}
