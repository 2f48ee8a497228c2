use mtpt::tasks::TokenizedExample;
use serde::Serialize;

use crate::args::inference::Score;
use crate::error::{Result, not_finite};
use crate::input::batches::for_each_batch;
use crate::input::row::Row;
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
            Ok((row, example))
        },
        |rows| {
            let (rows, examples): (Vec<&Row>, Vec<TokenizedExample>) =
                rows.iter().map(|(row, example)| (row, example.clone())).unzip();
            let targets: Vec<Vec<u32>> =
                examples.iter().map(|example| example.target_ids.clone()).collect();
            let inputs = prompted.inputs(&examples)?;
            let t5 = &prompted.model.t5;
            let scores = t5.score(inputs, &targets)?;
            for (row, token_logprobs) in rows.into_iter().zip(scores) {
                if let Some(value) = token_logprobs.iter().find(|value| !value.is_finite()) {
                    return Err(row.error(not_finite("the log-probability of a token", *value)));
                }
                let logprob = token_logprobs.iter().copied().map(f64::from).sum();
                output.row(&Scored { logprob, token_logprobs })?;
            }
            output.flush()
        },
    )
}
