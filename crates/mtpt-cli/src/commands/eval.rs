use std::io::IsTerminal;

use mtpt::infer::{Prompts, RankedExample, RowPredictions, TaskData, TaskTokenizer};
use mtpt::io::IoError;
use mtpt::tasks::evaluation::{ClassRecord, ExampleRecord, MetricRecord};
use mtpt::tasks::{Baselines, MaxLengths, Split, Task, TaskFile, TaskRecord, UnknownTokens};
use serde::Serialize;

use crate::args::inference::Eval;
use crate::args::values::ResultFormat;
use crate::config_kind::{Purpose, check_is_config};
use crate::destination::write_output;
use crate::error::{Error, Result};
use crate::generation_settings::report_for_tasks;
use crate::json_line::write_json_line;
use crate::prompted_model::{ModelSource, PromptedModel, note_unknown_tokens};
use crate::prompts::PromptSource;
use crate::results::{classes_lines, remarks, results_table, task_baselines};
use crate::stdio::{Output, message};

/// A metric of a task, as a row of standard output.
#[derive(Serialize)]
struct MetricRow<'a> {
    task: &'a str,
    split: &'a str,
    #[serde(flatten)]
    metric: &'a MetricRecord,
    rows: usize,
}

/// Values per label of a task, as a row of standard output.
#[derive(Serialize)]
struct ClassesRow<'a> {
    task: &'a str,
    split: &'a str,
    classes: &'a [ClassRecord],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    confusion: &'a [Vec<usize>],
}

/// A row with an incorrect prediction, as a line of the file of errors.
#[derive(Serialize)]
struct ErrorRow<'a> {
    task: &'a str,
    split: &'a str,
    #[serde(flatten)]
    example: &'a ExampleRecord,
}

pub(crate) fn run(arguments: &Eval) -> Result<()> {
    let model = arguments.model.as_deref();
    let model = ModelSource::open(model, arguments.weights, &arguments.device)?;
    let split = Split::from(arguments.split);
    check_is_config(&arguments.tasks, Purpose::Tasks)?;
    let mut tasks = TaskFile::load(&arguments.tasks)?.into_tasks();
    let source =
        PromptSource { path: &arguments.prompts, no_decoder_prompt: arguments.no_decoder_prompt };
    let prompted = PromptedModel::new(&model, Some(source), None)?;
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
    let mut report = Report::new(arguments, split);
    let mut unknown_tokens = UnknownTokens::default();
    for task in tasks {
        let position =
            prompts.find(task.id().as_str()).map_err(|_| no_prompt(arguments, &task, prompts))?;
        let data = tokenizer.read_splits(position, task, &[split])?;
        limit.count(data.truncated(split).inputs);
        unknown_tokens += data.unknown_tokens(split);
        report.add(&data, &model.predict_rows(&data, split, arguments.batch_size)?)?;
    }
    limit.report();
    note_unknown_tokens(unknown_tokens);
    report.finish()
}

/// Collects the results of tasks and writes them.
struct Report<'a> {
    arguments: &'a Eval,
    split: Split,
    /// Whether results are a table instead of rows.
    is_table: bool,
    output: Output,
    tasks: Vec<TaskRecord>,
    /// Lines of the file of errors.
    errors: Vec<u8>,
}

impl<'a> Report<'a> {
    fn new(arguments: &'a Eval, split: Split) -> Self {
        let is_table = match arguments.format {
            Some(format) => matches!(format, ResultFormat::Table),
            None => std::io::stdout().is_terminal(),
        };
        let (output, tasks, errors) = (Output::new(), Vec::new(), Vec::new());
        Self { arguments, split, is_table, output, tasks, errors }
    }

    /// Adds the results of a task, and writes them unless they are rows of a table.
    fn add(&mut self, data: &TaskData, predictions: &RowPredictions) -> Result<()> {
        let Self { split, .. } = *self;
        let (task, tfidf) = (data.task(), self.arguments.baseline.choice());
        let baselines = task_baselines(task, Baselines::of_task(task, split, tfidf));
        let evaluation = predictions.evaluate(data, split)?;
        let record = predictions.record(data, split, &evaluation, baselines.as_ref());
        if let Some(path) = &self.arguments.errors {
            let rows = predictions.examples(data, split, !self.arguments.no_text)?;
            let (task, split) = (record.task.as_str(), split.as_str());
            for RankedExample { example, .. } in rows.iter().filter(|row| !row.example.correct) {
                write_json_line(&mut self.errors, &ErrorRow { task, split, example })
                    .map_err(IoError::with("write", path))?;
            }
        }
        if !self.is_table {
            let (task, split) = (record.task.as_str(), split.as_str());
            for metric in &record.metrics {
                self.output.row(&MetricRow { task, split, metric, rows: record.rows })?;
            }
            if self.arguments.classes && !record.classes.is_empty() {
                let (classes, confusion) = (&record.classes, &record.confusion);
                self.output.row(&ClassesRow { task, split, classes, confusion })?;
            }
            self.output.flush()?;
        }
        self.tasks.push(record);
        Ok(())
    }

    /// Writes the table and the file of errors.
    fn finish(mut self) -> Result<()> {
        if self.is_table {
            let mut lines = results_table(&self.tasks, "value").lines("");
            for task in self.tasks.iter().filter(|_| self.arguments.classes) {
                let classes = classes_lines(task, "  ");
                if !classes.is_empty() {
                    lines.extend([String::new(), format!("{}:", task.task)]);
                    lines.extend(classes);
                }
            }
            self.output.text(&format!("{}\n", lines.join("\n")))?;
            self.output.flush()?;
        }
        self.tasks.iter().flat_map(remarks).for_each(|line| message(&line));
        if let Some(path) = &self.arguments.errors {
            write_output(path, &self.errors)?;
        }
        Ok(())
    }
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
