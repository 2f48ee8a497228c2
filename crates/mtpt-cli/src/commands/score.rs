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
    let side = arguments.truncation_side;
    let arguments = &arguments.prompted;
    let prompted = PromptedModel::load(arguments)?;
    let limit = prompted.input_limit(arguments.max_input_length).on_side(side);
    let model = prompted.prompted()?;
    let mut output = Output::new();
    let outcome = for_each_batch(
        arguments,
        |row| {
            let mut example = prompted.example(&row, &limit)?;
            example.target_ids = prompted.tokens(&row, "target")?;
            prompted.check_length(&row, &example)?;
            Ok((row, example))
        },
        |rows| {
            let (rows, examples): (Vec<Row>, Vec<TokenizedExample>) = rows.into_iter().unzip();
            let scores = model.map_inputs(&examples, arguments.batch_size, |part, inputs| {
                let targets: Vec<Vec<u32>> =
                    part.iter().map(|&row| examples[row].target_ids.clone()).collect();
                prompted.model.t5.score(inputs, &targets)
            })?;
            for (row, token_logprobs) in rows.into_iter().zip(scores) {
                if let Some(value) = token_logprobs.iter().find(|value| !value.is_finite()) {
                    return Err(row.error(not_finite("the log-probability of a token", *value)));
                }
                let logprob = token_logprobs.iter().copied().map(f64::from).sum();
                output.row(&Scored { logprob, token_logprobs })?;
            }
            output.flush()
        },
    );
    limit.report();
    prompted.note_unknown_tokens();
    outcome
}
