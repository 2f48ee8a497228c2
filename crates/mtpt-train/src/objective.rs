use burn::module::Module;
use burn::tensor::Tensor;
use mtpt_compose::Composition;
use mtpt_core::{Backbone, Compose};
use mtpt_tasks::TokenBatch;

use crate::cross_entropy::token_losses;
use crate::target_states::TargetStates;
use crate::{DeviceBatch, Result};

/// What is made small: a module and a batch go in, the loss of each target token comes out.
///
/// Losses come one by one and not as their mean, so that batches of different sizes can be accumulated with each token
/// weighing the same, and a loss can be told to its task and row.
pub trait Objective<M: Module> {
    /// Losses of the tokens of all targets, row after row, padding left out.
    ///
    /// # Errors
    ///
    /// When something that the loss is made from, besides the batch, cannot be had.
    fn token_losses(&self, module: &M, batch: &TokenBatch) -> Result<TokenLosses>;

    /// What the losses are made from besides the batch: a run whose objective has another identity is another run, and does
    /// not go on from the same checkpoints. Nothing, unless it is told.
    fn identity(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// Losses of the target tokens of a batch, row after row, padding left out.
#[derive(Clone, Debug)]
pub struct TokenLosses {
    /// The negative log-likelihood of each, in nats, `[target_tokens]`.
    pub likelihood: Tensor<1>,
    /// What is added to it, by names for reports, each `[target_tokens]` and already weighted.
    pub added: Vec<(&'static str, Tensor<1>)>,
}

impl TokenLosses {
    /// The whole loss of each token, `[target_tokens]`.
    pub fn total(&self) -> Tensor<1> {
        let terms = self.added.iter().map(|(_, term)| term.clone());
        terms.fold(self.likelihood.clone(), Tensor::add)
    }
}

impl From<Tensor<1>> for TokenLosses {
    fn from(likelihood: Tensor<1>) -> Self {
        Self { likelihood, added: Vec::new() }
    }
}

/// Prompt tuning: the negative log-likelihood of the targets with each row's prompt in front of its input, in nats (Lester
/// et al., 2021, section 2; Wang et al., 2023, equation 1).
#[derive(Clone, Debug)]
pub struct PromptTuning<'a, B> {
    backbone: &'a B,
}

impl<'a, B: Backbone> PromptTuning<'a, B> {
    /// The objective for a frozen model.
    pub fn new(backbone: &'a B) -> Self {
        Self { backbone }
    }
}

impl<B: Backbone, C: Compose> Objective<C> for PromptTuning<'_, B> {
    fn token_losses(&self, composition: &C, batch: &TokenBatch) -> Result<TokenLosses> {
        Ok(target_losses(self.backbone, Some(composition), batch).into())
    }
}

/// Full fine-tuning: the same loss without prompts, with the model itself as the module that learns. It is the baseline
/// that prompts are judged by.
#[derive(Clone, Copy, Debug, Default)]
pub struct FullFineTuning;

impl<M: Module + Backbone> Objective<M> for FullFineTuning {
    fn token_losses(&self, model: &M, batch: &TokenBatch) -> Result<TokenLosses> {
        Ok(target_losses(model, None::<&Composition>, batch).into())
    }
}

/// Losses of the tokens of all targets, with prompts in front of the inputs or without.
fn target_losses<B: Backbone, C: Compose>(
    backbone: &B,
    composition: Option<&C>,
    batch: &TokenBatch,
) -> Tensor<1> {
    let batch = DeviceBatch::new(batch, backbone.decoder_start_token_id(), &backbone.device());
    let states = TargetStates::new(backbone, composition, &batch);
    token_losses(backbone.logits(states.decoder), batch.targets)
}
