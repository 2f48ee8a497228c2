use std::iter;

use mtpt::infer::{self, Answer, Input, Predictor, PromptTask, Query};
use mtpt::t5::{self, GenerationError, T5};
use mtpt::tasks::{TaskId, Tokenize};
use serde_json::{Map, Value};

use crate::args::inference::Predict;
use crate::args::values::ScoreKind;
use crate::error::{Error, Result, not_finite};
use crate::generation_settings::report_for_tasks;
use crate::input::batches::for_each_batch;
use crate::input::row::Row;
use crate::prompted_model::PromptedModel;
use crate::stdio::Output;

pub(crate) fn run(options: &Predict) -> Result<()> {
    let arguments = &options.prompted;
    let prompted = PromptedModel::load(arguments)?;
    let Some(prompts) = &prompted.prompts else { return Ok(()) };
    let tokenizer = prompted.model.tokenizer()?;
    let limit = prompted.input_limit(arguments.max_input_length);
    let predictor = prompted.predictor(prompts, &tokenizer)?;
    let predictor = predictor.with_max_input_length(limit.length());
    let mut output = Output::new();
    // Without known labels, the answers are text.
    let has_text = |task: &PromptTask| {
        task.labels().is_ok_and(|labels| labels.is_none_or(|labels| labels.is_text()))
    };
    let have_text = prompts.tasks().iter().map(has_text);
    report_for_tasks(&prompted.model.t5, have_text, prompts.header().max_lengths().target)?;
    let mut first = 0;
    let outcome = for_each_batch(
        arguments,
        |row| {
            let query = query(&prompted, &predictor, &row)?;
            prompted.count_unknown_tokens(query.input_ids());
            Ok((query, row))
        },
        |rows| {
            let (queries, rows): (Vec<Query>, Vec<Row>) = rows.into_iter().unzip();
            limit.count(queries.iter().filter(|query| query.is_truncated()).count());
            let positions: Vec<(usize, &Query)> = (first..).zip(&queries).collect();
            let answers = predictor.answer_at(&positions, arguments.batch_size);
            let answers = answers.map_err(|error| of_row(error, &rows, first))?;
            for (query, answer) in queries.iter().zip(answers) {
                let task = &prompts.tasks()[query.task().position()].name;
                output.row(&record(task, &answer, options.scores))?;
            }
            first += queries.len();
            output.flush()
        },
    );
    limit.report();
    prompted.note_unknown_tokens();
    outcome
}

/// Returns the task and the fields of an answer.
fn record(task: &TaskId, answer: &Answer, scores: Option<ScoreKind>) -> Map<String, Value> {
    // A scale has dozens of scores.
    let default = if answer.value().is_some() { ScoreKind::None } else { ScoreKind::Probabilities };
    let fields = answer.fields(scores.unwrap_or(default).into());
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    iter::once(("task".to_owned(), task.as_str().into())).chain(fields).collect()
}

/// Returns the error about the result of a row with its line. `first` is the position of the first
/// row in the input.
fn of_row(error: infer::Error, rows: &[Row], first: usize) -> Error {
    match &error {
        infer::Error::NotFinite { row, value, .. } => {
            rows[*row].error(not_finite("the log-probability of a candidate", value))
        }
        infer::Error::Generate { source } => match source.downcast_ref() {
            Some(t5::Error::Generation(problem @ GenerationError::NotFinite { row, .. })) => {
                rows[row - first].error(problem.to_string())
            }
            _ => error.into(),
        },
        _ => error.into(),
    }
}

/// Tokenizes the `input` of a row, or its fields in the template of its task.
fn query(
    prompted: &PromptedModel,
    predictor: &Predictor<'_, T5, impl Tokenize>,
    row: &Row,
) -> Result<Query> {
    let task = prompted.task(row)?.ok_or_else(|| row.error("the row has no task"))?;
    let header = prompted.prompts.as_ref().map(|prompts| &prompts.tasks()[task.position()]);
    let has_input = row.has("input") || row.has("input_ids");
    let ids = if has_input || header.is_none_or(|task| task.template.is_none()) {
        Some(prompted.tokens(row, "input")?)
    } else {
        None
    };
    let input = ids.as_deref().map_or(Input::Fields, Input::Ids);
    predictor.query(task, row.example(), input).map_err(|error| row.error(error.to_string()))
}
