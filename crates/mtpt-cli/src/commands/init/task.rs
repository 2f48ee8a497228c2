use std::collections::BTreeMap;
use std::path::Path;

use mtpt::tasks::labels::MultiLabelConfig;
use mtpt::tasks::task::Unlabeled;
use mtpt::tasks::{Gold, Instance, LabelsConfig, Layout, Metric, Split, Task, TaskConfig};

use crate::args::init::Init;
use crate::commands::init::columns::{Column, Columns};
use crate::commands::init::files::TaskFiles;
use crate::commands::init::glue::format_of;
use crate::commands::init::kind::{Decision, Kind, LabelSource};
use crate::commands::init::label_words::{LabelWord, label_words};
use crate::commands::init::unlabeled::UnlabeledRows;
use crate::error::{Error, Result};

/// A task found in a data file, and its rows.
pub(crate) struct FoundTask {
    pub(crate) task: Task,
    /// The kind of labels; `None` for an original file of a benchmark.
    pub(crate) decision: Option<Decision>,
    pub(crate) words: Vec<LabelWord>,
    pub(crate) label_columns: Vec<String>,
    pub(crate) text_columns: Vec<String>,
    pub(crate) other_columns: Vec<String>,
    /// Number of rows with each label.
    pub(crate) label_counts: BTreeMap<String, usize>,
    pub(crate) unlabeled: Vec<UnlabeledRows>,
    /// Notes on files next to the training file that are not used.
    pub(crate) unused: Vec<String>,
    pub(crate) dev_was_found: bool,
    pub(crate) train: Vec<Instance>,
    pub(crate) dev: Vec<Instance>,
}

impl FoundTask {
    /// Reads the data files of a task, and finds its label and text columns and the kind of labels.
    pub(crate) fn read(files: TaskFiles, arguments: &Init) -> Result<Self> {
        let is_plain =
            arguments.text.is_empty() && files.labels.is_empty() && arguments.kind.is_none();
        match format_of(&files.train).filter(|_| is_plain) {
            Some(format) => Self::of_benchmark(files, format.into()),
            None => Self::of_table(files, arguments),
        }
    }

    /// Reads an original file of a benchmark, whose format implies everything.
    fn of_benchmark(mut files: TaskFiles, layout: Layout) -> Result<Self> {
        let mut unused = Vec::new();
        if let Some(test) = files.test.take() {
            unused.push(without_labels(&test));
        }
        let config = TaskConfig {
            train: Some(files.train.clone()),
            hold_out: files.dev.is_none().then_some(0.2),
            dev: files.dev.clone(),
            ..TaskConfig::new(files.name.clone(), layout.format)
        };
        let task = Task::new(&config)?;
        let text_columns = task.template().fields().map(str::to_owned).collect();
        let label_columns = vec![task.label_field().to_owned()];
        let found = Self {
            decision: None,
            words: Vec::new(),
            label_columns,
            text_columns,
            other_columns: Vec::new(),
            label_counts: BTreeMap::new(),
            unlabeled: Vec::new(),
            unused,
            dev_was_found: files.dev_was_found,
            train: Vec::new(),
            dev: Vec::new(),
            task,
        };
        found.with_rows()
    }

    fn of_table(mut files: TaskFiles, arguments: &Init) -> Result<Self> {
        let path = files.train.clone();
        let refuse = |problem: String| Error::Data { path: path.clone(), problem };
        let layout = Layout::of_file(&path, arguments.encoding)?;
        let columns = Columns::read(&path, &layout)?;
        let labels = columns.labels(&files.labels).map_err(refuse)?;
        check_header(&labels).map_err(refuse)?;
        let decision = Decision::new(&labels, arguments.kind).map_err(refuse)?;
        let texts = columns.texts(&arguments.text, &labels).map_err(refuse)?;
        let label_columns: Vec<String> = labels.iter().map(|label| label.name.clone()).collect();
        let text_columns: Vec<String> = texts.iter().map(|column| column.name.clone()).collect();
        if let Some(both) = text_columns.iter().find(|name| label_columns.contains(name)) {
            return Err(refuse(format!("the column `{both}` cannot be both text and label")));
        }
        let mut others = OtherFiles { layout, labels: &label_columns, unused: Vec::new() };
        let has_dev = !arguments.dev.is_empty();
        let dev = others.columns(&mut files.dev, has_dev)?;
        let test = others.columns(&mut files.test, false)?;
        let unused = others.unused;
        let mut config = TaskConfig {
            train: Some(path.clone()),
            hold_out: files.dev.is_none().then_some(0.2),
            dev: files.dev.clone(),
            test: files.test.clone(),
            template: Some(template(&label_columns, &text_columns).map_err(refuse)?),
            encoding: layout.encoding,
            dialect: layout.dialect,
            ..TaskConfig::new(files.name.clone(), layout.format)
        };
        if decision.kind != Kind::MultiLabel(LabelSource::Columns) {
            config.label_field = label_columns.first().cloned();
        }
        let counts = label_counts(&decision.kind, &columns, [&dev, &test], &label_columns);
        let words = counts.as_ref().map(label_words).unwrap_or_default();
        if let (Kind::Class, [only]) = (&decision.kind, words.as_slice()) {
            return Err(refuse(format!(
                "the labels are spellings of one label, `{}`, so there is nothing to learn",
                only.label
            )));
        }
        (config.labels, config.metrics) = labels_and_metrics(&decision.kind, &words);
        let splits = [
            Some((&path, &columns)),
            files.dev.as_ref().zip(dev.as_ref()),
            files.test.as_ref().zip(test.as_ref()),
        ];
        let with_gaps = splits
            .into_iter()
            .flatten()
            .filter(|(_, columns)| !columns.are_filled(&label_columns))
            .map(|(path, _)| path);
        let unlabeled = UnlabeledRows::of_files(with_gaps, &config)?;
        if !unlabeled.is_empty() {
            config.unlabeled = Unlabeled::Skip;
        }
        let used: Vec<&str> =
            text_columns.iter().chain(&label_columns).map(String::as_str).collect();
        let other_columns = columns.names_except(&used).map(str::to_owned).collect();
        let found = Self {
            task: Task::new(&config)?,
            decision: Some(decision),
            words,
            label_columns,
            text_columns,
            other_columns,
            label_counts: BTreeMap::new(),
            unlabeled,
            unused,
            dev_was_found: files.dev_was_found && files.dev.is_some(),
            train: Vec::new(),
            dev: Vec::new(),
        };
        found.with_rows()
    }

    /// Reads all rows, which finds errors that `mtpt train` would report later.
    fn with_rows(mut self) -> Result<Self> {
        self.train = self.task.read(Split::Train)?;
        self.dev = self.task.read(Split::Dev)?;
        if self.task.has(Split::Test) {
            self.task.read(Split::Test)?;
        }
        let held_out: &[Instance] =
            if self.task.file(Split::Dev).is_none() { &self.dev } else { &[] };
        self.label_counts = counts_of_rows(&self.task, self.train.iter().chain(held_out));
        Ok(self)
    }
}

/// Files of other splits, found next to the training file.
struct OtherFiles<'a> {
    layout: Layout,
    labels: &'a [String],
    unused: Vec<String>,
}

impl OtherFiles<'_> {
    /// Reads the columns of a file. A file that was found, but has no labels, is not used.
    fn columns(
        &mut self,
        file: &mut Option<std::path::PathBuf>,
        is_given: bool,
    ) -> Result<Option<Columns>> {
        let Some(path) = file else { return Ok(None) };
        let columns = Columns::read(path, &self.layout);
        let is_labeled = |columns: &Columns| {
            let column = |name: &String| columns.find(name).is_ok_and(|column| column.filled > 0);
            self.labels.iter().all(column)
        };
        match columns {
            Ok(columns) if is_given || is_labeled(&columns) => Ok(Some(columns)),
            Err(error) if is_given => Err(error),
            _ => {
                self.unused.push(without_labels(path));
                *file = None;
                Ok(None)
            }
        }
    }
}

fn without_labels(path: &Path) -> String {
    format!("`{}` is not used: it has no labels in the format of the training file", path.display())
}

/// Checks that the first line is a header: the name of a column is none of its values.
fn check_header(labels: &[&Column]) -> Result<(), String> {
    let is_value = |label: &&&Column| {
        label.values.counts.as_ref().is_some_and(|counts| counts.contains_key(&label.name))
    };
    match labels.iter().find(is_value) {
        Some(label) => {
            Err(format!("the first line must name the columns, but `{}` is a label", label.name))
        }
        None => Ok(()),
    }
}

/// Returns the number of rows with each label of the configuration; `None` for scores and texts.
fn label_counts(
    kind: &Kind,
    columns: &Columns,
    others: [&Option<Columns>; 2],
    labels: &[String],
) -> Option<BTreeMap<String, usize>> {
    let separator = match kind {
        Kind::Score(..) | Kind::Text => return None,
        Kind::MultiLabel(LabelSource::Columns) => {
            return Some(labels.iter().map(|label| (label.clone(), 1)).collect());
        }
        Kind::MultiLabel(LabelSource::Separated(separator)) => Some(*separator),
        Kind::Class | Kind::MultiLabel(LabelSource::List) => None,
    };
    let mut counts = BTreeMap::new();
    let files = std::iter::once(columns).chain(others.into_iter().flatten());
    for column in files.flat_map(|columns| labels.iter().filter_map(|name| columns.find(name).ok()))
    {
        for (value, rows) in column.values.counts.iter().flatten() {
            let parts: Vec<&str> = match separator {
                Some(separator) => value.split(separator).map(str::trim).collect(),
                None => vec![value],
            };
            for part in parts.into_iter().filter(|part| !part.trim().is_empty()) {
                *counts.entry(part.to_owned()).or_default() += rows;
            }
        }
    }
    Some(counts)
}

fn labels_and_metrics(kind: &Kind, words: &[LabelWord]) -> (Option<LabelsConfig>, Vec<Metric>) {
    let pairs = || LabelWord::pairs(words);
    match kind {
        Kind::Class => (Some(LabelsConfig::Words(pairs())), Vec::new()),
        Kind::Score(scale, _) => (
            Some(LabelsConfig::Regression(*scale)),
            vec![Metric::Pearson, Metric::Spearman, Metric::Rmse],
        ),
        Kind::Text => (Some(LabelsConfig::text()), vec![Metric::RougeL, Metric::ExactMatch]),
        Kind::MultiLabel(source) => {
            let words: Vec<(String, String)> =
                pairs().into_iter().map(|(label, word)| (label, word.replace(',', " "))).collect();
            let is_none = |(_, word): &(String, String)| word == MultiLabelConfig::NONE;
            let none = if words.iter().any(is_none) { "no label" } else { MultiLabelConfig::NONE };
            let config = MultiLabelConfig {
                columns: *source == LabelSource::Columns,
                separator: match source {
                    LabelSource::Separated(separator) => Some((*separator).to_owned()),
                    _ => None,
                },
                none: none.to_owned(),
                ..MultiLabelConfig::new(words)
            };
            (Some(LabelsConfig::MultiLabel(config)), Vec::new())
        }
    }
}

/// Returns the number of rows with each label in the file. Spellings of the same label are one.
fn counts_of_rows<'a>(
    task: &Task,
    rows: impl Iterator<Item = &'a Instance>,
) -> BTreeMap<String, usize> {
    let labels = task.labels();
    let mut counts = BTreeMap::new();
    for row in rows {
        let found = match row.gold {
            Gold::Label(label) => vec![label],
            _ => labels.labels_in(&row.target).unwrap_or_default(),
        };
        for label in found.into_iter().filter_map(|label| labels.raw(label)) {
            *counts.entry(label.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Returns a template with the names of the label columns and the text columns.
fn template(labels: &[String], texts: &[String]) -> Result<String, String> {
    if let Some(name) = texts.iter().find(|name| name.contains(['{', '}'])) {
        return Err(format!("a template cannot use the column `{name}`; rename it without braces"));
    }
    let fields = texts.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" | ");
    let plain = |label: &String| label.trim().to_lowercase().replace('{', "{{").replace('}', "}}");
    let prefix: Vec<String> = labels.iter().take(3).map(plain).collect();
    Ok(format!("{}: {fields}", prefix.join(", ")))
}
