use burn::module::Module;
use mtpt_core::Backbone;
use mtpt_tasks::TokenizedExample;

use crate::data::micro_batches::micro_batches;
use crate::error::Result;
use crate::objective::{FullFineTuning, Objective};

/// Loss of each target token of rows, ends of sentence included, in nats; not a number for no row.
///
/// The model should be in its validating form ([`Module::valid`]): nothing here is differentiated.
///
/// # Errors
///
/// When a batch cannot be made.
pub fn mean_loss<M: Module + Backbone>(
    model: &M,
    rows: &[TokenizedExample],
    batch_size: usize,
) -> Result<f64> {
    let rows: Vec<(usize, &TokenizedExample)> = rows.iter().enumerate().collect();
    let (mut sum, mut tokens) = (0.0, 0);
    for batch in micro_batches(&rows, batch_size, model)? {
        let losses = FullFineTuning.token_losses(model, &batch)?.likelihood;
        sum += losses.into_data().iter::<f32>().map(f64::from).sum::<f64>();
        tokens += batch.target_tokens();
    }
    Ok(sum / tokens as f64)
}
