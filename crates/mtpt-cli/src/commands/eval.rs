use mtpt::infer::{Prompts, TaskTokenizer};
use mtpt::tasks::{MaxLengths, Split, Task, TaskFile, UnknownTokens};
use serde::Serialize;

use crate::args::inference::Eval;
use crate::config_kind::{Purpose, check_is_config};
use crate::error::{Error, Result};
use crate::generation_settings::report_for_tasks;
use crate::model::open_device;
use crate::prompted_model::{PromptedModel, note_unknown_tokens};
use crate::prompts::PromptSource;
use crate::stdio::Output;

/// A metric of a task, as a row of standard output.
#[derive(Serialize)]
struct MetricRow<'a> {
    task: &'a str,
    split: &'a str,
    metric: &'a str,
    value: f64,
    rows: usize,
}

pub(crate) fn run(arguments: &Eval) -> Result<()> {
    let device = open_device(&arguments.device.device)?;
    let split = Split::from(arguments.split);
    check_is_config(&arguments.tasks, Purpose::Tasks)?;
    let mut tasks = TaskFile::load(&arguments.tasks)?.into_tasks();
    let source =
        PromptSource { path: &arguments.prompts, no_decoder_prompt: arguments.no_decoder_prompt };
    let prompted = PromptedModel::new(arguments.model.as_deref(), Some(source), None, &device)?;
    let Some(prompts) = &prompted.prompts else { return Ok(()) };
    let other = if split == Split::Dev { Split::Test } else { Split::Dev };
    let other = tasks.iter().any(|task| task.has(other)).then(|| other.as_str());
    tasks.retain(|task| task.has(split));
    if tasks.is_empty() {
        let (path, split) = (arguments.tasks.clone(), split.as_str());
        return Err(Error::NoSplit { path, split, other });
    }
    let tokenizer = prompted.model.tokenizer()?;
    let t5 = prompted.model.t5.get();
    let limit = prompted.input_limit(arguments.max_input_length);
    let max_lengths = MaxLengths { input: limit.length(), ..prompts.header().max_lengths() };
    let tokenizer = TaskTokenizer::new(&tokenizer, t5, max_lengths)
        .with_max_candidate_length(prompts.header().max_candidate_length());
    let model = prompted.prompted()?;
    let have_text = tasks.iter().map(|task| task.labels().is_text());
    report_for_tasks(t5, have_text, max_lengths.target)?;
    let mut output = Output::new();
    let mut unknown_tokens = UnknownTokens::default();
    for task in tasks {
        let name = task.id().clone();
        let position =
            prompts.find(name.as_str()).map_err(|_| no_prompt(arguments, &task, prompts))?;
        let data = tokenizer.read_splits(position, task, &[split])?;
        limit.count(data.truncated_inputs(split));
        unknown_tokens += data.unknown_tokens(split);
        let evaluation = model.evaluate(&data, split, arguments.batch_size)?;
        for (metric, value) in evaluation.values() {
            output.row(&MetricRow {
                task: name.as_str(),
                split: split.as_str(),
                metric: metric.name(),
                value: *value,
                rows: evaluation.rows(),
            })?;
        }
        output.flush()?;
    }
    limit.report();
    note_unknown_tokens(unknown_tokens);
    Ok(())
}

fn no_prompt(arguments: &Eval, task: &Task, prompts: &Prompts) -> Error {
    let known = prompts.tasks().iter().map(|task| format!("`{}`", task.name));
    Error::NoPrompt {
        tasks: arguments.tasks.clone(),
        task: task.id().to_string(),
        prompts: arguments.prompts.clone(),
        known: known.collect::<Vec<_>>().join(", "),
    }
}
