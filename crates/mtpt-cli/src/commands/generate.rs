use mtpt::t5::{Beam, EarlyStopping, GenerationConfig, Sampling, Strategy};
use serde::Serialize;

use crate::args::inference::Generate;
use crate::error::Result;
use crate::input::batches::for_each_batch;
use crate::prompted_model::PromptedModel;
use crate::stdio::Output;

#[derive(Serialize)]
struct Generated {
    /// `None` without a tokenizer.
    text: Option<String>,
    ids: Vec<u32>,
}

pub(crate) fn run(arguments: &Generate) -> Result<()> {
    let config = config(arguments);
    config.check()?;
    let prompted = PromptedModel::load(&arguments.prompted)?;
    let tokenizer = prompted.model.tokenizer().ok();
    let mut output = Output::new();
    for_each_batch(
        arguments.prompted.input.as_deref(),
        arguments.prompted.batch_size,
        |row| prompted.example(&row),
        |examples| {
            let inputs = prompted.inputs(examples)?;
            let t5 = &prompted.model.t5;
            for ids in t5.generate_from_inputs(inputs, &config)? {
                let text =
                    tokenizer.as_ref().map(|tokenizer| tokenizer.decode(&ids)).transpose()?;
                output.row(&Generated { text, ids })?;
            }
            output.flush()
        },
    )
}

fn config(arguments: &Generate) -> GenerationConfig {
    let Generate { temperature, top_k, top_p, seed, num_beams, .. } = *arguments;
    let strategy = if temperature.is_some() || top_k.is_some() || top_p.is_some() {
        let temperature = temperature.unwrap_or(1.0);
        Strategy::Sample(Sampling { temperature, top_k, top_p, seed })
    } else if num_beams > 1 {
        Strategy::Beam(Beam {
            num_beams,
            length_penalty: arguments.length_penalty,
            early_stopping: EarlyStopping::Heuristic,
        })
    } else {
        Strategy::Greedy
    };
    GenerationConfig { max_new_tokens: arguments.max_new_tokens, strategy }
}
