//! Messages of `mtpt init` about a task, and its summary on standard output.

use std::collections::BTreeMap;
use std::path::Path;

use mtpt::tasks::{Baselines, Format, TaskId, UnknownTokens, excerpt, quoted_list};
use serde::Serialize;

use crate::commands::init::label_words::example_words;
use crate::commands::init::task::FoundTask;
use crate::commands::inspect::lengths::Lengths;
use crate::number_format::counted;
use crate::results::{baselines_line, task_baselines};
use crate::stdio::message;

/// Maximum number of labels in a message.
const LISTED_LABELS: usize = 12;
/// Maximum number of rows in a message.
const LISTED_ROWS: usize = 10;

/// A task on standard output.
#[derive(Serialize)]
pub(crate) struct TaskSummary {
    task: TaskId,
    format: Format,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    text: Vec<String>,
    label: String,
    train: usize,
    dev: usize,
    #[serde(skip_serializing_if = "is_zero")]
    unlabeled: usize,
    labels: BTreeMap<String, usize>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl TaskSummary {
    pub(crate) fn new(found: &FoundTask) -> Self {
        Self {
            task: found.task.id().clone(),
            format: found.task.config().format,
            kind: found.decision.as_ref().map(|decision| decision.kind.option().as_str()),
            text: found.text_columns.clone(),
            label: found.label_columns.join(", "),
            train: found.train.len(),
            dev: found.dev.len(),
            unlabeled: found.unlabeled.iter().map(|rows| rows.count).sum(),
            labels: found.label_counts.clone(),
        }
    }
}

/// Prints what was found about a task, and what is probably wrong with it.
///
/// `run` is the directory of the run that `mtpt train` will write.
pub(crate) fn describe(
    found: &FoundTask,
    lengths: &Lengths,
    unknown_tokens: &UnknownTokens,
    run: &Path,
) {
    let name = found.task.id();
    let config = found.task.config();
    let dev = match (&config.dev, found.dev_was_found) {
        (Some(dev), true) => format!(" (`{}`)", dev.display()),
        _ => String::new(),
    };
    message(&format!(
        "{name}: {}, {}{dev}; text in {}, label in {}{}",
        counted(found.train.len(), "training row"),
        counted(found.dev.len(), "validation row"),
        quoted_list(&found.text_columns),
        quoted_list(&found.label_columns),
        listed_labels(&found.label_counts),
    ));
    match &found.decision {
        Some(decision) => message(&format!(
            "  kind of labels: {} ({}); choose another with `--kind`",
            decision.kind.option().as_str(),
            decision.reason
        )),
        None => message(&format!(
            "  an original file of GLUE: `{}` implies template, label words and metrics; choose \
             your own with `--kind`, `--text` or `--label`",
            config.format.as_str()
        )),
    }
    message(&format!("  input tokens: {}", lengths.text()));
    let baselines = Baselines::of_rows(&found.task, &found.train, &found.dev, None);
    if let Some(baselines) = task_baselines(&found.task, baselines.map(Some)) {
        message(&baselines_line(&baselines, "dev"));
    }
    found.unused.iter().for_each(|text| message(&format!("  note: {text}")));
    note_unlabeled(found, run);
    warn_of_spellings(found);
    warn_of_blank_inputs(found);
    warn_of_unusual_labels(found);
    if let Some(text) = unknown_tokens.message(name) {
        message(&text);
    }
}

fn listed_labels(counts: &BTreeMap<String, usize>) -> String {
    if counts.is_empty() {
        return String::new();
    }
    let mut labels: Vec<(&String, &usize)> = counts.iter().collect();
    let more = labels.len().saturating_sub(LISTED_LABELS);
    if more > 0 {
        labels.sort_by_key(|&(_, &rows)| std::cmp::Reverse(rows));
        labels.truncate(LISTED_LABELS);
    }
    let labels: Vec<String> =
        labels.iter().map(|(label, rows)| format!("{} {rows}", excerpt(label))).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(": {}{more}", labels.join(", "))
}

fn note_unlabeled(found: &FoundTask, run: &Path) {
    let task = found.task.id();
    for rows in &found.unlabeled {
        let verb = if rows.count == 1 { "has" } else { "have" };
        message(&format!(
            "note: {} of `{}` {verb} no label and {} left out ({}); to label them later: mtpt predict \
             --prompts {} --task {task} --input {}",
            counted(rows.count, "row"),
            rows.path.display(),
            if rows.count == 1 { "is" } else { "are" },
            rows.lines(),
            run.display(),
            rows.path.display(),
        ));
    }
}

fn warn_of_spellings(found: &FoundTask) {
    let spellings = found.words.iter().filter(|word| !word.spellings.is_empty());
    let spellings: Vec<String> = spellings
        .map(|word| {
            let all = std::iter::once(&word.label).chain(&word.spellings);
            all.map(|label| format!("`{}`", excerpt(label))).collect::<Vec<_>>().join(" = ")
        })
        .collect();
    if !spellings.is_empty() {
        message(&format!(
            "warning: task `{}`: these labels differ in case alone, or look the same, and share a label \
             word: {}; give them different words if they are different labels",
            found.task.id(),
            spellings.join(", ")
        ));
    }
}

fn warn_of_blank_inputs(found: &FoundTask) {
    let blank = found.train.iter().chain(&found.dev).filter(|row| row.is_blank);
    let mut lines: Vec<usize> = blank.map(|row| row.location.line()).collect();
    if lines.is_empty() {
        return;
    }
    lines.sort_unstable();
    let count = lines.len();
    lines.truncate(LISTED_ROWS);
    message(&format!(
        "warning: task `{}`: {} {} no text: {}",
        found.task.id(),
        counted(count, "row"),
        if count == 1 { "has" } else { "have" },
        mtpt::tasks::labels::listed_lines(&lines, count)
    ));
}

/// Warns of labels that are allowed, but most likely a mistake.
fn warn_of_unusual_labels(found: &FoundTask) {
    let single: Vec<&str> = found
        .label_counts
        .iter()
        .filter(|&(_, &rows)| rows == 1)
        .map(|(label, _)| label.as_str())
        .collect();
    if !single.is_empty() {
        let listed = quoted_list(&single[..LISTED_LABELS.min(single.len())]);
        let more = match single.len().saturating_sub(LISTED_LABELS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        message(&format!(
            "warning: these labels occur only once, so they cannot appear in both train and dev: \
             {listed}{more}"
        ));
    }
    if let Some(example) = example_words(&found.words) {
        message(&format!(
            "warning: the labels are numbers; give them words that the model knows in \
             `[tasks.labels]`, such as {example}, or use `--kind score` if they are a scale"
        ));
    }
}
