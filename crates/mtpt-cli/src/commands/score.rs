use mtpt::core::TaskIndex;
use serde::Serialize;

use crate::args::Score;
use crate::error::Result;
use crate::model::PromptedModel;
use crate::output::Output;
use crate::rows::each_batch;

#[derive(Serialize)]
struct Scored {
    /// Sum of the tokens' log-probabilities, in nats.
    logprob: f64,
    token_logprobs: Vec<f32>,
}

struct Prepared {
    task: Option<TaskIndex>,
    input: Vec<u32>,
    target: Vec<u32>,
}

pub(crate) fn run(arguments: &Score) -> Result<()> {
    let prompted = PromptedModel::load(&arguments.prompted)?;
    let tokenizer = &prompted.model.tokenizer;
    let vocab_size = prompted.model.t5.config().vocab_size;
    let mut output = Output::new();
    each_batch(
        arguments.prompted.batch_size,
        |row| {
            let task = prompted.task(row.text("task")?).map_err(|problem| row.refuse(problem))?;
            let input = row.tokens("input", vocab_size, |text| tokenizer.encode(text))?;
            let target = row.tokens("target", vocab_size, |text| tokenizer.encode(text))?;
            Ok(Prepared { task, input, target })
        },
        |rows| {
            let ids: Vec<&[u32]> = rows.iter().map(|row| row.input.as_slice()).collect();
            let tasks: Vec<_> = rows.iter().map(|row| row.task).collect();
            let targets: Vec<Vec<u32>> = rows.iter().map(|row| row.target.clone()).collect();
            let inputs = prompted.inputs(&ids, &tasks);
            let t5 = &prompted.model.t5;
            for token_logprobs in t5.score(inputs.embeddings, inputs.mask, &targets)? {
                let logprob = token_logprobs.iter().copied().map(f64::from).sum();
                output.row(&Scored { logprob, token_logprobs })?;
            }
            output.flush()
        },
    )
}
