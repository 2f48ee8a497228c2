use serde::{Deserialize, Serialize};

use crate::Result;
use crate::fold::{Fold, Own, Place};

/// A plain prompt for each task and nothing shared: `T_k`. There is nothing to choose.
///
/// Prompt tuning as Lester et al. (2021) have it, for several tasks in one run: the baseline that sharing is judged by, the
/// teachers of multitask prompt tuning, and the form that any other composition can be brought into
/// ([`Composition::to_separate`](crate::Composition::to_separate)). As a level of a tree it begins anew, at a copy of the
/// prompt above, and hands nothing of that down.
///
/// Shared: none. Each task: `L d`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeparateConfig {}

impl Fold for SeparateConfig {
    fn width_above(&self, _d_model: usize) -> usize {
        0
    }

    fn own_numbers(&self, prompt_length: usize, d_model: usize) -> usize {
        prompt_length * d_model
    }

    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own> {
        place.fresh(place.dims()[0]).map(Own::Separate)
    }
}
