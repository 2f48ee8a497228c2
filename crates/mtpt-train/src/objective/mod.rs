//! Losses and their gradients.

pub(crate) mod cross_entropy;
pub(crate) mod distillation;
pub(crate) mod hidden_states;
pub(crate) mod mean_loss;
pub(crate) mod prompt_gradient;
pub(crate) mod teacher_states;
pub(crate) mod teachers;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor};
use mtpt_compose::Composition;
use mtpt_core::{Backbone, Compose};
use mtpt_tasks::TokenBatch;

use crate::error::Result;
use crate::objective::cross_entropy::token_losses;
use crate::objective::hidden_states::TargetStates;
use mtpt_infer::DeviceBatch;

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

    /// The same losses, and their part in the gradient of the mean over `tokens` target tokens; none where nothing that they
    /// depend on learns.
    ///
    /// What stands here records every operation. An objective that knows a quicker way brings it, and gives the same.
    ///
    /// # Errors
    ///
    /// As [`token_losses`](Self::token_losses).
    ///
    /// # Panics
    ///
    /// When the module is not on a device with autodiff.
    fn differentiate(
        &self,
        module: &M,
        batch: &TokenBatch,
        tokens: usize,
    ) -> Result<(TokenLosses, Option<GradientsParams>)> {
        let losses = self.token_losses(module, batch)?;
        let loss = losses.total().sum().div_scalar(tokens as f64);
        assert!(loss.is_autodiff(), "a module that learns is on a device with autodiff");
        let gradients =
            loss.is_tracked().then(|| GradientsParams::from_grads(loss.backward(), module));
        Ok((losses, gradients))
    }

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

    /// The same numbers, no longer tracked.
    pub(crate) fn without_autodiff(self) -> Self {
        let added = self.added.into_iter().map(|(name, term)| (name, term.without_autodiff()));
        Self { likelihood: self.likelihood.without_autodiff(), added: added.collect() }
    }

    /// The losses of parts of a batch together, and in another order: each by its number among those of the parts.
    pub(crate) fn cat(parts: Vec<Self>, order: &[i64]) -> Self {
        let in_order = |losses: Vec<Tensor<1>>| {
            let order = Tensor::<1, Int>::from_ints(order, &losses[0].device());
            Tensor::cat(losses, 0).select(0, order)
        };
        let names: Vec<&'static str> = parts[0].added.iter().map(|(name, _)| *name).collect();
        let added = names.into_iter().enumerate().map(|(number, name)| {
            let of_parts = parts.iter().map(|part| part.added[number].1.clone());
            (name, in_order(of_parts.collect()))
        });
        let added = added.collect();
        Self {
            likelihood: in_order(parts.into_iter().map(|part| part.likelihood).collect()),
            added,
        }
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

    fn differentiate(
        &self,
        composition: &C,
        batch: &TokenBatch,
        tokens: usize,
    ) -> Result<(TokenLosses, Option<GradientsParams>)> {
        let losses = |states: TargetStates, _: &TokenBatch, batch: &DeviceBatch| {
            Ok(losses_of(self.backbone, states, batch).into())
        };
        prompt_gradient::differentiate(self.backbone, composition, batch, tokens, losses)
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
    losses_of(backbone, states, &batch)
}

fn losses_of<B: Backbone>(backbone: &B, states: TargetStates, batch: &DeviceBatch) -> Tensor<1> {
    token_losses(backbone.logits(states.decoder), batch.targets.clone())
}
