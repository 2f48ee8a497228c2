use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::attention::Pool;
use crate::gated::GatedPart;
use crate::low_rank::Factors;
use crate::project::Projection;
use crate::start::{Part, Start, on};
use crate::weighted::WeightedPart;
use crate::{MixtureWeights, Result, add, concat, concat_features};

/// A strategy that makes the prompt of a task, or of a group, of the prompt above it and a part of its own.
///
/// The prompt above is what all tasks share, or, in a tree, the prompt of the group that a node stands in.
pub(crate) trait Fold {
    /// Checks the options against the shape of the prompt above.
    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        Ok(())
    }

    /// How many features of the prompt above are read: its first ones.
    fn width_above(&self, d_model: usize) -> usize {
        d_model
    }

    /// First values of a shared prompt for this strategy alone, `[length, width_above]`, of those that training should
    /// start at.
    fn shared(&self, prompt: Tensor<2>) -> Option<Tensor<2>> {
        let width = self.width_above(prompt.dims()[1]);
        first_features(prompt, width)
    }

    /// How much longer the prompt gets.
    fn added_length(&self) -> usize {
        0
    }

    /// Number of trained numbers that one task or group owns.
    fn own_numbers(&self, prompt_length: usize, d_model: usize) -> usize;

    /// Number of trained numbers that all parts of a level share, besides the prompt above.
    fn pool_numbers(&self, _prompt_length: usize, _d_model: usize) -> usize {
        0
    }

    /// Number of prompts that an attention mixes.
    fn components(&self) -> usize {
        0
    }

    /// What a task or group owns, before training.
    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own>;

    /// What all parts of a level share, before training.
    fn pool(&self, _place: &mut Place<'_, '_>) -> Result<Option<Pool>> {
        Ok(None)
    }
}

/// The first features of a prompt, of all its vectors; none of none.
pub(crate) fn first_features(prompt: Tensor<2>, width: usize) -> Option<Tensor<2>> {
    match prompt.dims()[1] {
        _ if width == 0 => None,
        all if all == width => Some(prompt),
        _ => Some(prompt.narrow(1, 0, width)),
    }
}

/// Where a part is to stand, and what its first values can be made of.
pub(crate) struct Place<'a, 's> {
    /// The part.
    pub(crate) part: Part,
    /// First values of as much of the prompt above as is read, `[length, width_above]`; none where nothing is.
    pub(crate) above: Option<Tensor<2>>,
    /// The prompt that training should start at, `[length, d_model]`.
    pub(crate) target: Tensor<2>,
    /// How many components attentions of levels above have.
    pub(crate) components_above: usize,
    /// Draws what starts at random.
    pub(crate) rng: &'a mut ChaCha8Rng,
    /// First values of other kinds.
    pub(crate) start: &'a Start<'s>,
}

impl Place<'_, '_> {
    /// Length and width of the prompt that training should start at.
    pub(crate) fn dims(&self) -> [usize; 2] {
        self.target.dims()
    }

    /// The device of the parameters.
    pub(crate) fn device(&self) -> &Device {
        &self.start.device
    }

    /// A trained copy of the prompt that training should start at.
    pub(crate) fn copy(&self) -> Param<Tensor<2>> {
        Param::from_tensor(on(self.device(), self.target.clone()))
    }

    /// First values of the part's kind.
    pub(crate) fn fresh(&self, length: usize) -> Result<Param<Tensor<2>>> {
        self.start.part(self.part, length).map(Param::from_tensor)
    }
}

/// What a task or a group of tasks owns. The name of its strategy is no part of the names of its parameters.
#[derive(Module, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "handles of tensors, whose numbers are many times as large"
)]
pub(crate) enum Own {
    /// `U_k`, `V_k`
    LowRank(Factors),
    /// `T_k`, further vectors
    Concat(Param<Tensor<2>>),
    /// `T_k`, added
    Add(Param<Tensor<2>>),
    /// `T_k` and its weight
    Weighted(WeightedPart),
    /// `T_k` and its gate
    Gated(GatedPart),
    /// `T_k`, further features
    ConcatFeatures(Param<Tensor<2>>),
    /// `A_k`, `b_k`
    Project(Projection),
    /// `q_k`
    Attention(Param<Tensor<1>>),
    /// `T_k` alone
    Separate(Param<Tensor<2>>),
}

impl Own {
    /// The prompt of the part.
    ///
    /// # Shapes
    ///
    /// - `above`: `[length, width]`, as much of the prompt above as is read; none for `separate`
    /// - output: `[prompt_length, d_model]`
    pub(crate) fn fold(&self, above: Option<Tensor<2>>, pool: Option<&Pool>) -> Tensor<2> {
        let above = || above.expect("invariant: only a separate part stands on nothing");
        match self {
            Self::LowRank(own) => own.fold(above()),
            Self::Concat(own) => concat::fold(above(), own),
            Self::Add(own) => add::fold(above(), own),
            Self::Weighted(own) => own.fold(above()),
            Self::Gated(own) => own.fold(above()),
            Self::ConcatFeatures(own) => concat_features::fold(above(), own),
            Self::Project(own) => own.fold(above()),
            Self::Attention(query) => {
                pool.expect("invariant: an attention has a pool").fold(above(), query)
            }
            Self::Separate(own) => own.val(),
        }
    }

    /// By what the prompt of the part is mixed, where the strategy learns it; of what [`fold`](Self::fold) takes.
    pub(crate) fn weights(
        &self,
        above: Option<Tensor<2>>,
        pool: Option<&Pool>,
    ) -> Option<MixtureWeights> {
        match self {
            Self::Weighted(own) => Some(own.weights()),
            Self::Gated(own) => above.map(|above| own.weights(above)),
            Self::Attention(query) => pool.map(|pool| pool.weights(query)),
            _ => None,
        }
    }
}
