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
    let limit = prompted.input_limit(arguments.prompted.max_input_length);
    let mut output = Output::new();
    let outcome = for_each_batch(
        &arguments.prompted,
        |row| {
            let example = prompted.example(&row, &limit)?;
            prompted.check_length(&row, &example)?;
            Ok(example)
        },
        |examples| {
            let mut texts = vec![Vec::new(); examples.len()];
            for part in prompted.parts(examples)? {
                let inputs = prompted.inputs(part.iter().map(|&row| &examples[row]))?;
                let of_part = prompted.model.t5.generate_from_inputs(inputs, &config)?;
                for (row, ids) in part.into_iter().zip(of_part) {
                    texts[row] = ids;
                }
            }
            for ids in texts {
                let text =
                    tokenizer.as_ref().map(|tokenizer| tokenizer.decode(&ids)).transpose()?;
                output.row(&Generated { text, ids })?;
            }
            output.flush()
        },
    );
    limit.report();
    outcome
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
