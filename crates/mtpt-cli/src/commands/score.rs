use mtpt::infer::Prompted;
use mtpt::t5::T5;
use mtpt::tasks::TokenizedExample;
use serde_json::{Value, json};

use crate::args::inference::Score;
use crate::error::{Result, not_finite};
use crate::fields::Fields;
use crate::input::row::Row;
use crate::input_limit::InputLimit;
use crate::number_format::json_number;
use crate::prompted_model::PromptedModel;
use crate::rows::command::{Failure, RowCommand};
use crate::rows::job::RowJob;
use crate::rows::settings::settings;

pub(crate) fn run(arguments: &Score) -> Result<()> {
    let side = arguments.truncation_side;
    let arguments = &arguments.prompted;
    let own = ("truncation-side", json!(format!("{side:?}")));
    let Some(job) = RowJob::open(arguments, || settings("score", arguments, own), "target_")?
    else {
        return Ok(());
    };
    let prompted = PromptedModel::load(arguments)?;
    let limit = prompted.input_limit(arguments.max_input_length).on_side(side);
    let command = ScoreRows { model: prompted.prompted()?, prompted: &prompted, limit };
    job.run(&command)
}

struct ScoreRows<'a> {
    prompted: &'a PromptedModel,
    model: Prompted<'a, T5>,
    limit: InputLimit,
}

impl RowCommand for ScoreRows<'_> {
    type Input = TokenizedExample;

    fn prepare(&self, row: &Row) -> Result<TokenizedExample> {
        let mut example = self.prompted.example(row, &self.limit)?;
        example.target_ids = self.prompted.tokens(row, "target")?;
        self.prompted.check_length(row, &example)?;
        Ok(example)
    }

    fn shape(&self, example: &TokenizedExample) -> (usize, usize) {
        // Rows of several tasks are computed together.
        (0, example.input_ids.len().max(example.target_ids.len()))
    }

    fn answer(
        &self,
        inputs: &[(usize, &TokenizedExample)],
        batch_size: usize,
    ) -> Result<Vec<Vec<Fields>>, Failure> {
        let examples: Vec<TokenizedExample> =
            inputs.iter().map(|&(_, example)| example.clone()).collect();
        let t5 = &self.prompted.model.t5;
        let scores = self.model.map_inputs(&examples, batch_size, |part, inputs| {
            let targets: Vec<Vec<u32>> =
                part.iter().map(|&row| examples[row].target_ids.clone()).collect();
            t5.score(inputs, &targets)
        })?;
        let fields = |scores: Vec<f32>| match scores.iter().find(|score| !score.is_finite()) {
            Some(score) => {
                let problem = not_finite("the log-probability of a token", *score);
                Err(Failure::Input { problem })
            }
            None => Ok(fields(&scores)),
        };
        let with_task = |(&(_, example), scores): (&(usize, &TokenizedExample), _)| {
            let mut answer = Fields::new();
            if let Some(prompts) = &self.prompted.prompts {
                let task = &prompts.tasks()[example.task].name;
                answer.insert("task".to_owned(), task.as_str().into());
            }
            answer.extend(fields(scores)?);
            Ok(vec![answer])
        };
        inputs.iter().zip(scores).map(with_task).collect()
    }

    fn rows_at_a_time(&self) -> usize {
        self.prompted.rows_at_a_time()
    }

    fn columns(&self) -> Vec<&'static str> {
        let task = self.prompted.prompts.as_ref().map(|_| "task");
        task.into_iter().chain(["logprob", "token_logprobs"]).collect()
    }

    fn report(&self) {
        self.limit.report();
        self.prompted.note_unknown_tokens();
    }
}

/// Returns the sum of the tokens' log-probabilities in nats, and each of them.
fn fields(scores: &[f32]) -> Fields {
    let sum: f64 = scores.iter().copied().map(f64::from).sum();
    let scores: Vec<Value> = scores.iter().map(|&score| json_number(score)).collect();
    let mut fields = Fields::new();
    fields.insert("logprob".to_owned(), json_number(sum as f32));
    fields.insert("token_logprobs".to_owned(), scores.into());
    fields
}
