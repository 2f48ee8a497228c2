use serde::Serialize;

use crate::args::Score;
use crate::error::Result;
use crate::model::{PromptedModel, PromptedRow};
use crate::output::Output;
use crate::rows::each_batch;

#[derive(Serialize)]
struct Scored {
    /// Sum of the tokens' log-probabilities, in nats.
    logprob: f64,
    token_logprobs: Vec<f32>,
}

struct Prepared {
    row: PromptedRow,
    target: Vec<u32>,
}

pub(crate) fn run(arguments: &Score) -> Result<()> {
    let prompted = PromptedModel::load(&arguments.prompted)?;
    let mut output = Output::new();
    each_batch(
        arguments.prompted.input.as_deref(),
        arguments.prompted.batch_size,
        |row| Ok(Prepared { row: prompted.row(&row)?, target: prompted.tokens(&row, "target")? }),
        |rows| {
            let targets: Vec<Vec<u32>> = rows.iter().map(|row| row.target.clone()).collect();
            let inputs = prompted.inputs(rows.iter().map(|prepared| prepared.row.parts()));
            let t5 = &prompted.model.t5;
            for token_logprobs in t5.score(inputs.embeddings, inputs.mask, &targets)? {
                let logprob = token_logprobs.iter().copied().map(f64::from).sum();
                output.row(&Scored { logprob, token_logprobs })?;
            }
            output.flush()
        },
    )
}
