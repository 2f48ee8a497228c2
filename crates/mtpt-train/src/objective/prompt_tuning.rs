use burn::optim::GradientsParams;
use mtpt_core::{Backbone, Compose};
use mtpt_infer::DeviceBatch;
use mtpt_tasks::{Batch, BatchRow};

use crate::error::Result;
use crate::objective::hidden_states::HiddenStates;
use crate::objective::loss::{Objective, TokenLosses};
use crate::objective::prompt_gradient;

/// Prompt tuning: the negative log-likelihood of the targets with each example's prompt prepended
/// to its input, in nats (Lester et al., 2021, section 2; Wang et al., 2023, equation 1).
#[derive(Clone, Debug)]
pub struct PromptTuning<'a, B> {
    backbone: &'a B,
}

impl<'a, B: Backbone> PromptTuning<'a, B> {
    /// Creates the objective for a frozen model.
    pub fn new(backbone: &'a B) -> Self {
        Self { backbone }
    }
}

impl<B: Backbone, C: Compose> Objective<C> for PromptTuning<'_, B> {
    fn token_losses(&self, composition: &C, batch: &Batch) -> Result<TokenLosses> {
        let backbone = self.backbone;
        let batch = DeviceBatch::for_backbone(batch.examples(), backbone);
        let states = HiddenStates::new(backbone, Some(composition), &batch);
        Ok(states.target_losses(backbone, &batch).into())
    }

    fn differentiate(
        &self,
        composition: &C,
        batch: &Batch,
        tokens: usize,
    ) -> Result<(TokenLosses, Option<GradientsParams>)> {
        let losses = |states: HiddenStates, _: &[&BatchRow], batch: &DeviceBatch| {
            Ok(states.target_losses(self.backbone, batch).into())
        };
        prompt_gradient::differentiate(self.backbone, composition, batch, tokens, losses)
    }
}
