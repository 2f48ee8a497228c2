use clap::CommandFactory;
use clap::error::ErrorKind;
use mtpt::ModelTokenizer;
use mtpt::t5::GenerationError::{NoToken, NotFinite};
use mtpt::t5::{
    self, EndTokens, GenerationConfig, GenerationInputs, GenerationSettings, InputRow,
    MAX_SEQUENCES, Sequence,
};
use mtpt::tasks::TokenizedExample;
use serde_json::json;

use crate::args::Arguments;
use crate::args::decoding::Decoding;
use crate::args::inference::Generate;
use crate::error::Result;
use crate::fields::Fields;
use crate::generation_settings::report;
use crate::input::row::Row;
use crate::input_limit::InputLimit;
use crate::number_format::json_number;
use crate::prompted_model::PromptedModel;
use crate::rows::command::{Failure, RowCommand};
use crate::rows::job::RowJob;
use crate::rows::settings::settings;
use crate::stop_strings::StopStrings;

/// Number of rows that are decoded together unless `--batch-size` is given. Each beam of each row
/// keeps keys and values in memory.
const ROWS: usize = 16;

pub(crate) fn run(arguments: &Generate) -> Result<()> {
    if arguments.decoding.is_contradictory() {
        let problem = "options of sampling cannot be used with `--num-beams`, unless `--do-sample` \
                       requests a beam search with sampled continuations";
        Arguments::command().error(ErrorKind::ArgumentConflict, problem).exit();
    }
    // Invalid options fail before a large model is loaded.
    arguments.decoding.settings().or(permissive()).to_config()?;
    let Generate { prompted: rows, truncation_side, decoding: options } = arguments;
    let own = json!(format!("{truncation_side:?} {options:?}"));
    let settings = || settings("generate", rows, ("options", own));
    let Some(job) = RowJob::open(rows, settings, "generated_")? else { return Ok(()) };
    let prompted = PromptedModel::load(rows)?;
    let (config, stop_strings) = decoding(options, &prompted)?;
    let limit = prompted.input_limit(rows.max_input_length);
    let stops = match stop_strings[..] {
        [] => None,
        [..] => Some(StopStrings::new(stop_strings, prompted.model.tokenizer()?)),
    };
    let command = GenerateRows {
        tokenizer: prompted.model.tokenizer().ok(),
        prompted: &prompted,
        limit: limit.on_side(*truncation_side),
        config,
        stops,
    };
    job.run(&command)
}

struct GenerateRows<'a> {
    prompted: &'a PromptedModel,
    /// `None` if the model has none; texts are omitted.
    tokenizer: Option<ModelTokenizer>,
    limit: InputLimit,
    config: GenerationConfig,
    stops: Option<StopStrings>,
}

impl GenerateRows<'_> {
    /// Returns the fields of a text: its number among those of its row, and its score in a beam
    /// search, if there are several.
    fn fields(&self, number: usize, sequence: Sequence) -> Result<Fields> {
        let Sequence { ids, score } = sequence;
        let text = match (&self.stops, &self.tokenizer) {
            (Some(stops), _) => Some(stops.text(&ids)?),
            (None, Some(tokenizer)) => Some(tokenizer.decode(&ids)?),
            (None, None) => None,
        };
        let mut fields = Fields::new();
        fields.insert("text".to_owned(), json!(text));
        fields.insert("ids".to_owned(), json!(ids));
        if self.config.num_return_sequences > 1 {
            fields.insert("sequence".to_owned(), json!(number));
            if let Some(score) = score {
                fields.insert("score".to_owned(), json_number(score));
            }
        }
        Ok(fields)
    }
}

impl RowCommand for GenerateRows<'_> {
    type Input = TokenizedExample;

    fn prepare(&self, row: &Row) -> Result<TokenizedExample> {
        let example = self.prompted.example(row, &self.limit)?;
        self.prompted.check_length(row, &example)?;
        Ok(example)
    }

    fn shape(&self, example: &TokenizedExample) -> (usize, usize) {
        // Rows of several tasks are computed together.
        (0, example.input_ids.len())
    }

    fn answer(
        &self,
        inputs: &[(usize, &TokenizedExample)],
        _batch_size: usize,
    ) -> Result<Vec<Vec<Fields>>, Failure> {
        let failure = |error: t5::Error| match error {
            t5::Error::Generation(ref problem @ (NotFinite { .. } | NoToken { .. })) => {
                Failure::Input { problem: problem.to_string() }
            }
            error => error.into(),
        };
        let stop = self.stops.as_ref().map(|stops| |ids: &[u32]| stops.ends(ids));
        let examples: Vec<&TokenizedExample> = inputs.iter().map(|&(_, example)| example).collect();
        let mut answers = vec![Vec::new(); inputs.len()];
        for part in self.prompted.parts(&examples)? {
            let embedded = self.prompted.inputs(part.iter().map(|&row| examples[row]))?;
            let rows = part
                .iter()
                .map(|&row| InputRow { position: inputs[row].0, ids: &examples[row].input_ids });
            let mut embedded = GenerationInputs::new(embedded).with_rows(rows.collect());
            if let Some(stop) = &stop {
                embedded = embedded.with_stop(stop);
            }
            let of_part = self.prompted.model.t5.generate_sequences(embedded, &self.config);
            for (row, sequences) in part.into_iter().zip(of_part.map_err(failure)?) {
                let sequences = sequences.into_iter().enumerate();
                let fields = sequences.map(|(number, sequence)| self.fields(number, sequence));
                answers[row] = fields.collect::<Result<_>>()?;
            }
        }
        Ok(answers)
    }

    fn rows_at_a_time(&self) -> usize {
        ROWS
    }

    fn columns(&self) -> Vec<&'static str> {
        // All texts or none have a score.
        let sequence = (self.config.num_return_sequences > 1).then_some("sequence");
        ["text", "ids"].into_iter().chain(sequence).collect()
    }

    fn report(&self) {
        self.limit.report();
        self.prompted.note_unknown_tokens();
    }
}

/// Settings of a model for which no number of sequences is too high.
fn permissive() -> GenerationSettings {
    GenerationSettings { num_beams: Some(MAX_SEQUENCES), ..GenerationSettings::default() }
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
