use serde::Serialize;

use crate::args::inference::Score;
use crate::error::Result;
use crate::input::batches::for_each_batch;
use crate::prompted_model::PromptedModel;
use crate::stdio::Output;

#[derive(Serialize)]
struct Scored {
    /// Sum of the tokens' log-probabilities, in nats.
    logprob: f64,
    token_logprobs: Vec<f32>,
}

pub(crate) fn run(arguments: &Score) -> Result<()> {
    let prompted = PromptedModel::load(&arguments.prompted)?;
    let mut output = Output::new();
    for_each_batch(
        arguments.prompted.input.as_deref(),
        arguments.prompted.batch_size,
        |row| {
            let mut example = prompted.example(&row)?;
            example.target_ids = prompted.tokens(&row, "target")?;
            Ok(example)
        },
        |examples| {
            let targets: Vec<Vec<u32>> =
                examples.iter().map(|example| example.target_ids.clone()).collect();
            let inputs = prompted.inputs(examples)?;
            let t5 = &prompted.model.t5;
            for token_logprobs in t5.score(inputs, &targets)? {
                let logprob = token_logprobs.iter().copied().map(f64::from).sum();
                output.row(&Scored { logprob, token_logprobs })?;
            }
            output.flush()
        },
    )
}
