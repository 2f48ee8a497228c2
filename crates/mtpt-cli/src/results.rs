//! Results of tasks with their baselines, as text for people.

use mtpt::tasks::evaluation::{
    BaselineValues, ClassRecord, EvaluationRecord, MetricRecord, TaskBaselines,
};
use mtpt::tasks::{Baselines, Task, TaskRecord, Unit, excerpt, format_value};
use mtpt::train::error_line;

use crate::number_format::{counted, thousands};
use crate::stdio::message;
use crate::text_table::TextTable;

/// Name of the TF-IDF baseline in messages.
const TFIDF: &str = "TF-IDF with a linear model";

/// Returns the name of a metric with its unit, as in a column of metrics.
fn metric_name(metric: &str) -> String {
    match Unit::of(metric).symbol() {
        "" => metric.to_owned(),
        symbol => format!("{metric} ({symbol})"),
    }
}

/// A column of a table of results.
type Column = (&'static str, fn(&MetricRecord) -> Option<f64>);

/// Returns a table with a row per metric and the baselines that are known. `value` is the name of
/// the column of values.
pub(crate) fn results_table(tasks: &[TaskRecord], value: &'static str) -> TextTable {
    let columns: [Column; 4] = [
        ("majority", |metric| metric.baselines.majority),
        ("before", |metric| metric.baselines.before),
        ("TF-IDF", |metric| metric.baselines.tfidf),
        (value, |metric| Some(metric.value)),
    ];
    let metrics = || tasks.iter().flat_map(|task| &task.metrics);
    let columns: Vec<Column> =
        columns.into_iter().filter(|(_, value)| metrics().any(|it| value(it).is_some())).collect();
    let header =
        ["task", "metric", "rows"].into_iter().chain(columns.iter().map(|(name, _)| *name));
    let mut table = TextTable::new(header.map(str::to_owned).collect(), 2);
    for task in tasks {
        for metric in &task.metrics {
            let number = |value: Option<f64>| {
                value.map_or_else(|| "-".to_owned(), |value| Unit::of(&metric.metric).number(value))
            };
            let mut cells =
                vec![task.task.clone(), metric_name(&metric.metric), thousands(task.rows)];
            cells.extend(columns.iter().map(|(_, value)| number(value(metric))));
            table.row(cells);
        }
    }
    table
}

/// Returns the warnings of a task, and a note if TF-IDF is better, each as a line.
pub(crate) fn remarks(task: &TaskRecord) -> Vec<String> {
    let name = &task.task;
    let warnings = task.warnings.iter().map(|text| format!("warning: {name}: {text}"));
    let note = task.worse_than_tfidf().map(|(metric, tfidf)| {
        let [tfidf, value] = [tfidf, metric.value].map(|value| format_value(&metric.metric, value));
        format!("note: {name}: {TFIDF} has {} {tfidf}, the prompts {value}", metric.metric)
    });
    warnings.chain(note).collect()
}

/// Returns the results of a run as lines: a table, then warnings and notes.
pub(crate) fn run_results(record: &EvaluationRecord) -> Vec<String> {
    let mut lines = run_table(record);
    lines.extend(record.tasks.iter().flat_map(remarks));
    lines
}

/// Returns the table of the results of a run as lines.
pub(crate) fn run_table(record: &EvaluationRecord) -> Vec<String> {
    if record.tasks.is_empty() {
        return Vec::new();
    }
    let mut lines =
        vec![format!("results on {} at step {}:", record.split, thousands(record.step))];
    lines.extend(results_table(&record.tasks, "after").lines("  "));
    lines
}

/// Returns a line with the baselines of a task.
pub(crate) fn baselines_line(task: &TaskBaselines, split: &str) -> String {
    let rows = counted(task.rows, &format!("{split} row"));
    let label = task.majority_label.as_ref();
    let label = label.map_or_else(String::new, |label| format!(" (`{}`)", excerpt(label)));
    let value = |name: &str, value: fn(&BaselineValues) -> Option<f64>| {
        let metric = task.metrics.first()?;
        let value = format_value(&metric.metric, value(&metric.values)?);
        Some(format!("{name} {value}"))
    };
    let values = [
        value(&format!("majority{label}"), |values| values.majority),
        value(TFIDF, |values| values.tfidf),
    ];
    let metric = task.metrics.first().map_or("", |metric| metric.metric.as_str());
    let values: Vec<String> = values.into_iter().flatten().collect();
    format!("{}: {rows}, {metric} of baselines: {}", task.task, values.join(", "))
}

/// Returns the values of the baselines of a task. They are not essential: an error is only
/// reported.
pub(crate) fn task_baselines(
    task: &Task,
    found: mtpt::tasks::Result<Option<Baselines>>,
) -> Option<TaskBaselines> {
    match found {
        Ok(baselines) => baselines.map(|baselines| baselines.record(task)),
        Err(error) => {
            message(&format!("note: no baselines of `{}`: {}", task.id(), error_line(&error)));
            None
        }
    }
}

/// Returns a table with the values of each label, and the confusion matrix of classes.
pub(crate) fn classes_lines(task: &TaskRecord, indentation: &str) -> Vec<String> {
    if task.classes.is_empty() {
        return Vec::new();
    }
    let header = ["label", "rows", "predicted", "precision (%)", "recall (%)", "f1 (%)"];
    let mut table = TextTable::new(header.map(str::to_owned).to_vec(), 1);
    for class in &task.classes {
        let ClassRecord { label, precision, recall, f1, gold, predicted } = class;
        let mut cells = vec![label.clone(), thousands(*gold), thousands(*predicted)];
        cells.extend([precision, recall, f1].map(|value| Unit::Percent.number(*value)));
        table.row(cells);
    }
    let mut lines = table.lines(indentation);
    if !task.confusion.is_empty() {
        let names = task.classes.iter().map(|class| class.label.clone());
        let header = std::iter::once("gold \\ predicted".to_owned()).chain(names).collect();
        let mut table = TextTable::new(header, 1);
        for (class, counts) in task.classes.iter().zip(&task.confusion) {
            let counts = counts.iter().map(|&count| thousands(count));
            table.row(std::iter::once(class.label.clone()).chain(counts).collect());
        }
        lines.push(String::new());
        lines.extend(table.lines(indentation));
    }
    lines
}
