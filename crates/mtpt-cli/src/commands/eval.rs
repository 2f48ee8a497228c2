use mtpt::infer::{TaskData, evaluate};
use mtpt::tasks::{MaxLengths, Split, TaskFile};
use serde::Serialize;

use crate::args::{Eval, JudgedSplit};
use crate::device;
use crate::error::{Error, Result};
use crate::model::PromptedModel;
use crate::output::Output;

#[derive(Serialize)]
struct Figure<'a> {
    task: &'a str,
    split: &'a str,
    metric: &'a str,
    value: f64,
    rows: usize,
}

pub(crate) fn run(arguments: &Eval) -> Result<()> {
    let device = device::open(&arguments.on.device)?;
    let split = match arguments.split {
        JudgedSplit::Dev => Split::Dev,
        JudgedSplit::Test => Split::Test,
    };
    let tasks = TaskFile::load(&arguments.tasks)?.into_tasks();
    let prompted = PromptedModel::new(&arguments.model, Some(&arguments.prompts), None, &device)?;
    let Some(prompts) = &prompted.prompts else { return Ok(()) };
    let tokenizer = prompted.model.tokenizer()?;
    let tokenizer = tokenizer.as_inner();
    let t5 = &prompted.model.t5;
    let header = prompts.header();
    let lengths = MaxLengths { input: header.longest_input(), target: header.longest_target() };
    let mut output = Output::new();
    let mut judged = 0;
    for task in tasks.into_iter().filter(|task| task.has(split)) {
        let name = task.id().clone();
        let position = prompts.find(name.as_str()).map_err(|_| Error::NoPrompt {
            tasks: arguments.tasks.clone(),
            task: name.to_string(),
            prompts: arguments.prompts.clone(),
            known: prompts
                .tasks()
                .iter()
                .map(|task| format!("`{}`", task.name))
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        let data = TaskData::read_splits(position, task, &[split], tokenizer, t5, lengths)?;
        let composition = Some(prompts.composition());
        let evaluation = evaluate(t5, composition, &data, split, arguments.batch_size)?;
        for (metric, value) in evaluation.values() {
            output.row(&Figure {
                task: name.as_str(),
                split: split.as_str(),
                metric: metric.name(),
                value: *value,
                rows: evaluation.rows(),
            })?;
        }
        output.flush()?;
        judged += 1;
    }
    if judged == 0 {
        let path = arguments.tasks.clone();
        return Err(Error::NoSplit { path, split: split.as_str() });
    }
    Ok(())
}
