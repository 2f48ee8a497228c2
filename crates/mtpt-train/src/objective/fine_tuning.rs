use burn::module::Module;
use mtpt_compose::Composition;
use mtpt_core::Backbone;
use mtpt_infer::DeviceBatch;
use mtpt_tasks::{Batch, TokenizedExample};

use crate::data::micro_batches::micro_batches;
use crate::error::Result;
use crate::objective::hidden_states::HiddenStates;
use crate::objective::loss::{Objective, TokenLosses};

/// Full fine-tuning: the negative log-likelihood of the targets without prompts, with the model
/// itself as the trainable module. It is the baseline for prompt tuning.
#[derive(Clone, Copy, Debug, Default)]
pub struct FullFineTuning;

impl<M: Module + Backbone> Objective<M> for FullFineTuning {
    fn token_losses(&self, model: &M, batch: &Batch) -> Result<TokenLosses> {
        let batch = DeviceBatch::for_backbone(batch.examples(), model);
        let states = HiddenStates::new(model, None::<&Composition>, &batch);
        Ok(states.target_losses(model, &batch).into())
    }
}

/// Returns the mean loss per target token of examples, including the end-of-sequence tokens, in
/// nats; NaN if there is no example.
///
/// The model should be without autodiff ([`Module::valid`]), since nothing is differentiated.
///
/// # Errors
///
/// When a batch cannot be built.
pub fn mean_loss<M: Module + Backbone>(
    model: &M,
    examples: &[TokenizedExample],
    batch_size: usize,
) -> Result<f64> {
    let examples: Vec<(usize, &TokenizedExample)> = examples.iter().enumerate().collect();
    let (mut sum, mut tokens) = (0.0, 0);
    for batch in micro_batches(&examples, batch_size)? {
        let losses = FullFineTuning.token_losses(model, &batch)?.nll;
        sum += losses.into_data().iter::<f32>().map(f64::from).sum::<f64>();
        tokens += batch.target_tokens();
    }
    Ok(sum / tokens as f64)
}
