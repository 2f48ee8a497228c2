use burn::module::Module;
use burn::tensor::Tensor;
use mtpt_compose::Composition;
use mtpt_core::{Backbone, Compose, embed_prompted};
use mtpt_tasks::TokenBatch;

use crate::DeviceBatch;
use crate::cross_entropy::token_losses;

/// What is made small: a module and a batch go in, the loss of each target token comes out.
///
/// Losses come one by one and not as their mean, so that batches of different sizes can be accumulated with each token
/// weighing the same, and a loss can be told to its task and row.
pub trait Objective<M: Module> {
    /// Losses of the tokens of all targets, row after row, padding left out.
    ///
    /// # Shapes
    ///
    /// - output: `[target_tokens]`
    fn token_losses(&self, module: &M, batch: &TokenBatch) -> Tensor<1>;
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
    fn token_losses(&self, composition: &C, batch: &TokenBatch) -> Tensor<1> {
        target_losses(self.backbone, Some(composition), batch)
    }
}

/// Full fine-tuning: the same loss without prompts, with the model itself as the module that learns. It is the baseline
/// that prompts are judged by.
#[derive(Clone, Copy, Debug, Default)]
pub struct FullFineTuning;

impl<M: Module + Backbone> Objective<M> for FullFineTuning {
    fn token_losses(&self, model: &M, batch: &TokenBatch) -> Tensor<1> {
        target_losses(model, None::<&Composition>, batch)
    }
}

/// Losses of the tokens of all targets, with prompts in front of the inputs or without.
fn target_losses<B: Backbone, C: Compose>(
    backbone: &B,
    composition: Option<&C>,
    batch: &TokenBatch,
) -> Tensor<1> {
    let batch = DeviceBatch::new(batch, backbone.decoder_start_token_id(), &backbone.device());
    let (ids, mask) = (batch.input_ids, batch.input_mask);
    let (embeddings, mask) = embed_prompted(backbone, composition, &batch.tasks, ids, mask);
    let encoded = backbone.encode(embeddings, mask.clone());
    let hidden = backbone.decode(batch.decoder_input_ids, encoded, mask);
    let [rows, length, d_model] = hidden.dims();
    let hidden = hidden.reshape([rows * length, d_model]).select(0, batch.target_positions);
    token_losses(backbone.logits(hidden), batch.targets)
}
