use mtpt::infer::{Input, Predictor, Query};
use mtpt::t5::T5;
use mtpt::tasks::Tokenize;

use crate::args::inference::Predict;
use crate::error::Result;
use crate::input::batches::for_each_batch;
use crate::input::row::Row;
use crate::number_format::counted;
use crate::prompted_model::PromptedModel;
use crate::stdio::{Output, message};

pub(crate) fn run(Predict { prompted: arguments }: &Predict) -> Result<()> {
    let prompted = PromptedModel::load(arguments)?;
    let Some(prompts) = &prompted.prompts else { return Ok(()) };
    let tokenizer = prompted.model.tokenizer()?;
    let predictor = prompted.predictor(prompts, tokenizer.as_inner())?;
    let mut output = Output::new();
    let mut truncated = 0;
    let outcome = for_each_batch(
        arguments.input.as_deref(),
        arguments.batch_size,
        |row| query(&prompted, &predictor, &row),
        |queries| {
            truncated += queries.iter().filter(|query| query.is_truncated()).count();
            for answer in predictor.answer(queries, arguments.batch_size)? {
                output.row(&answer)?;
            }
            output.flush()
        },
    );
    if truncated > 0 {
        let max_length = prompts.header().max_lengths().input;
        let verb = if truncated == 1 { "was" } else { "were" };
        message(&format!(
            "warning: {} {verb} truncated to {max_length} tokens, the limit used in training",
            counted(truncated, "input")
        ));
    }
    outcome
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
    predictor.query(task, &row.example(), input).map_err(|error| row.error(error.to_string()))
}
