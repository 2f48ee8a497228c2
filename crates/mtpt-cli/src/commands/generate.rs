use clap::CommandFactory;
use clap::error::ErrorKind;
use mtpt::t5::GenerationError::{NoToken, NotFinite};
use mtpt::t5::{
    self, EndTokens, GenerationConfig, GenerationInputs, GenerationSettings, InputRow, Sequence,
};
use mtpt::tasks::TokenizedExample;
use serde::Serialize;

use crate::args::Arguments;
use crate::args::decoding::Decoding;
use crate::args::inference::Generate;
use crate::error::Result;
use crate::generation_settings::report;
use crate::input::batches::for_each_batch;
use crate::input::row::Row;
use crate::prompted_model::PromptedModel;
use crate::stdio::Output;
use crate::stop_strings::StopStrings;

#[derive(Serialize)]
struct Generated {
    /// `None` without a tokenizer.
    text: Option<String>,
    ids: Vec<u32>,
    /// Number of the text among those of its row, from 0; `None` if there is one per row.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<usize>,
    /// Score of a beam search with several texts per row.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
}

pub(crate) fn run(arguments: &Generate) -> Result<()> {
    if arguments.decoding.is_contradictory() {
        let problem = "options of sampling cannot be used with `--num-beams`, unless `--do-sample` \
                       requests a beam search with sampled continuations";
        Arguments::command().error(ErrorKind::ArgumentConflict, problem).exit();
    }
    // Invalid options fail before a large model is loaded.
    arguments.decoding.settings().or(permissive()).to_config()?;
    let prompted = PromptedModel::load(&arguments.prompted)?;
    let (config, stop_strings) = decoding(&arguments.decoding, &prompted)?;
    let tokenizer = prompted.model.tokenizer().ok();
    let limit = prompted.input_limit(arguments.prompted.max_input_length);
    let limit = limit.on_side(arguments.truncation_side);
    let stops = match stop_strings[..] {
        [] => None,
        [..] => Some(StopStrings::new(stop_strings, prompted.model.tokenizer()?)),
    };
    let stop = stops.as_ref().map(|stops| |ids: &[u32]| stops.ends(ids));
    let has_several = config.num_return_sequences > 1;
    let mut output = Output::new();
    let mut first = 0;
    let outcome = for_each_batch(
        &arguments.prompted,
        |row| {
            let example = prompted.example(&row, &limit)?;
            prompted.check_length(&row, &example)?;
            Ok((row, example))
        },
        |rows| {
            let (rows, examples): (Vec<Row>, Vec<TokenizedExample>) = rows.into_iter().unzip();
            let of_row = |error: t5::Error| match error {
                t5::Error::Generation(
                    ref problem @ (NotFinite { row, .. } | NoToken { row, .. }),
                ) => rows[row - first].error(problem.to_string()),
                error => error.into(),
            };
            let mut texts = vec![Vec::new(); examples.len()];
            for part in prompted.parts(&examples)? {
                let inputs = prompted.inputs(part.iter().map(|&row| &examples[row]))?;
                let input_rows = part
                    .iter()
                    .map(|&row| InputRow { position: first + row, ids: &examples[row].input_ids });
                let mut inputs = GenerationInputs::new(inputs).with_rows(input_rows.collect());
                if let Some(stop) = &stop {
                    inputs = inputs.with_stop(stop);
                }
                let of_part = prompted.model.t5.generate_sequences(inputs, &config);
                let of_part = of_part.map_err(of_row)?;
                for (row, sequences) in part.into_iter().zip(of_part) {
                    texts[row] = sequences;
                }
            }
            first += examples.len();
            for sequences in texts {
                for (number, Sequence { ids, score }) in sequences.into_iter().enumerate() {
                    let text = match (&stops, &tokenizer) {
                        (Some(stops), _) => Some(stops.text(&ids)?),
                        (None, Some(tokenizer)) => Some(tokenizer.decode(&ids)?),
                        (None, None) => None,
                    };
                    let sequence = has_several.then_some(number);
                    let score = score.filter(|_| has_several);
                    output.row(&Generated { text, ids, sequence, score })?;
                }
            }
            output.flush()
        },
    );
    limit.report();
    prompted.note_unknown_tokens();
    outcome
}

/// Settings of a model for which no number of sequences is too high.
fn permissive() -> GenerationSettings {
    GenerationSettings { num_beams: Some(usize::MAX), ..GenerationSettings::default() }
}

/// Combines the options with the settings of the model, and reports those that apply. Returns the
/// stop strings separately.
fn decoding(
    options: &Decoding,
    prompted: &PromptedModel,
) -> Result<(GenerationConfig, Vec<String>)> {
    let (t5, settings) = (&prompted.model.t5, options.settings());
    let defaults = if options.ignore_generation_config {
        let end_tokens = EndTokens::Several(t5.config().end_token_ids());
        GenerationSettings { eos_token_id: Some(end_tokens), ..GenerationSettings::default() }
    } else {
        report(t5, &settings)?;
        t5.generation_defaults().settings().clone()
    };
    let settings = settings.or(defaults);
    let stop_strings = settings.stop_strings().to_vec();
    Ok((settings.to_config()?.with_seed(options.seed), stop_strings))
}
