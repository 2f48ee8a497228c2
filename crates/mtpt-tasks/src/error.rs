use std::io;
use std::path::{Path, PathBuf};

use crate::example::SourceLocation;
use crate::format::Format;
use crate::id::TaskId;
use crate::nearest_name::did_you_mean;
use crate::splits::Splits;
use crate::template::TemplateProblem;
use crate::toml_text::TomlProblem;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be wrong with tasks and their data.
///
/// Every message is whole in itself, with exceptions: [`Error::Read`], [`Error::ExamplesOnDisk`] and [`Error::Hub`] leave the words
/// of the operating system, or of the hub, to their source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A problem of one task.
    #[error("task `{task}`: {problem}")]
    InTask {
        /// The task.
        task: TaskId,
        /// What is wrong.
        #[source]
        problem: Box<Self>,
    },
    /// A problem of one entry of a list of tasks or corpora.
    #[error("{file}{}: {problem}", colon(.line), file = file.display())]
    InTaskFile {
        /// The file with the list.
        file: PathBuf,
        /// The line where the entry begins, counted from 1, where it is known.
        line: Option<usize>,
        /// What is wrong.
        #[source]
        problem: Box<Self>,
    },
    /// A problem of one corpus.
    #[error("corpus `{corpus}`: {problem}")]
    InCorpus {
        /// The corpus.
        corpus: TaskId,
        /// What is wrong.
        #[source]
        problem: Box<Self>,
    },
    /// Two corpora, or a corpus and a task, have the same name.
    #[error("expected every name of a corpus or task once, found `{name}` again")]
    NameTaken {
        /// The name.
        name: TaskId,
    },
    /// A corpus has nothing to learn from.
    #[error("expected `train` to name at least one file, found none")]
    NoCorpusFile,
    /// An option of one objective was given with another.
    #[error("`{option}` belongs to the objective `{owner}`, but the objective is `{objective}`")]
    NotOfObjective {
        /// The option.
        option: &'static str,
        /// The objective that has it.
        owner: &'static str,
        /// The objective of the corpus.
        objective: &'static str,
    },
    /// Span corruption with a tokenizer that has nothing to put in a span's location.
    #[error(
        "`span_corruption` needs the sentinel tokens `<extra_id_0>`, `<extra_id_1>`, ..., but the \
         tokenizer has no `<extra_id_0>`"
    )]
    NoSentinel,
    /// Not even a text of two tokens fits.
    #[error(
        "no text of two tokens fits an input of at most {input} and a target of at most {target} \
         tokens, ends of sentence included: raise the maximal lengths"
    )]
    ChunkLengths {
        /// Longest input.
        input: usize,
        /// Longest target.
        target: usize,
    },
    /// Documents with hardly a token.
    #[error(
        "expected a text of at least two tokens in the files of the split `{split}`, found none"
    )]
    NoChunk {
        /// The split.
        split: crate::config::Split,
    },
    /// A text holds the token that ends texts.
    #[error(
        "{location}: expected text without the token that ends a text, found it inside; take its characters out"
    )]
    EndInText {
        /// The document.
        location: SourceLocation,
    },
    /// A text holds what should stand for what is missing in it.
    #[error("{location}: expected text without sentinel tokens, found `<extra_id_{number}>`")]
    SentinelInText {
        /// The document.
        location: SourceLocation,
        /// The number of the sentinel.
        number: usize,
    },

    /// A task's name cannot be one.
    #[error(
        "expected a task name of segments `[a-z0-9_-]+` joined by `/`, at most {} characters, \
         found `{name}`",
        TaskId::MAX_LENGTH
    )]
    TaskName {
        /// The name given.
        name: String,
    },
    /// Two tasks have the same name.
    #[error("expected every name once, but a task before it has this name{}", on_line(.first_line))]
    DuplicateTask {
        /// The line of the first, counted from 1, where it is known.
        first_line: Option<usize>,
    },
    /// A name is that of a task and of a group of tasks.
    #[error("`{group}` is a task, so that it cannot be the group of another")]
    TaskIsGroup {
        /// The name.
        group: TaskId,
    },
    /// A group's name cannot be one.
    #[error(
        "`groups`: expected the name of a group to be of `a-z`, `0-9`, `_` and `-`, found `{name}`"
    )]
    GroupName {
        /// The name given.
        name: String,
    },
    /// A name is that of a task and of a group.
    #[error("`groups`: `{name}` is a task and a group; give one of them another name")]
    GroupIsTask {
        /// The name.
        name: String,
    },
    /// A group has nothing below it.
    #[error("`groups`: expected `{group}` to list at least one task or group, found none")]
    EmptyGroup {
        /// The group.
        group: String,
    },
    /// A group lists what is neither a task nor a group.
    #[error(
        "`groups`: `{group}` lists `{child}`, which is neither a task nor a group{}",
        did_you_mean(.child, texts(.known))
    )]
    UnknownChild {
        /// The group.
        group: String,
        /// What it lists.
        child: String,
        /// The tasks and groups that there are.
        known: Vec<String>,
    },
    /// A task or group is listed twice.
    #[error(
        "`groups`: expected `{child}` to be listed once, found it in `{first}` and {}",
        if .first == .second { "there again".to_owned() } else { format!("in `{}`", .second) }
    )]
    TwoGroups {
        /// What is listed.
        child: String,
        /// The group that lists it first.
        first: String,
        /// The group that lists it again.
        second: String,
    },
    /// A group is below itself.
    #[error("`groups`: a group cannot be below itself: {}", .cycle.join(" -> "))]
    GroupCycle {
        /// The groups, each above the next; the last is the first again.
        cycle: Vec<String>,
    },
    /// A list of tasks has none.
    #[error("{}: expected at least one `[[tasks]]` entry, found none", .file.display())]
    NoTasks {
        /// The file with the list.
        file: PathBuf,
    },
    /// A task names no file.
    #[error("expected at least one of `train`, `dev` and `test` to name a file, found none")]
    NoData,
    /// A task lacks the file of one split.
    #[error("task `{task}` names no file for the split `{split}`")]
    NoSplit {
        /// The task.
        task: TaskId,
        /// The split that was asked for.
        split: crate::config::Split,
    },
    /// A split's file has no row.
    #[error("{}: expected rows, found none", .path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// A task whose format implies no input text has none.
    #[error("expected a `template` such as `\"{{sentence}}\"`, found none")]
    NoTemplate,
    /// A task has no label words.
    #[error(
        "expected `labels` to be a table from labels to words, `\"verbatim\"`, `\"regression\"`, `\"text\"` or \
         `{{ choices = [...] }}`, found {found}"
    )]
    NoLabels {
        /// What stands there instead.
        found: &'static str,
    },
    /// Labels are to be taken from the training split, which is absent.
    #[error(
        "`labels = \"verbatim\"` collects the labels of the split `train`, which names no file"
    )]
    VerbatimWithoutTrain,
    /// A label has an empty word.
    #[error("expected a word for the label `{label}`, found an empty one")]
    EmptyWord {
        /// The label.
        label: String,
    },
    /// Two labels have the same word.
    #[error(
        "expected a word of its own for each label, but `{first}` and `{second}` share `{word}`"
    )]
    SharedWord {
        /// The first label.
        first: String,
        /// The second label.
        second: String,
        /// The word of both.
        word: String,
    },
    /// A label occurs twice among the label words.
    #[error("expected every label once, found `{label}` again")]
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// A metric does not fit the labels.
    #[error("the metric `{metric}` is for {expected}, but the task has {found}")]
    MetricKind {
        /// The metric.
        metric: &'static str,
        /// What it can judge.
        expected: &'static str,
        /// What the task has.
        found: &'static str,
    },
    /// The positive word of F1 is not a label word.
    #[error("expected the positive word of `{metric}` to be one of {}, found `{word}`", list(.known))]
    PositiveWord {
        /// The metric.
        metric: &'static str,
        /// The word given.
        word: String,
        /// The label words.
        known: Vec<String>,
    },
    /// The words that a metric counts are none, or one is not a label word.
    #[error("expected the `labels` of `{metric}` to be some of {}, found {found}", list(.known))]
    CountedWords {
        /// The metric.
        metric: &'static str,
        /// The word given that is none, or that there is no word.
        found: String,
        /// The label words.
        known: Vec<String>,
    },
    /// A metric is listed twice.
    #[error("expected every metric once, found `{metric}` again")]
    DuplicateMetric {
        /// The metric.
        metric: &'static str,
    },
    /// A template cannot be parsed.
    #[error("template `{template}`: {problem}, at character {position}")]
    Template {
        /// The template.
        template: String,
        /// The character where the problem begins, counted from 1.
        position: usize,
        /// What is wrong.
        problem: TemplateProblem,
    },
    /// A file is not TOML, or has other keys or types than expected.
    #[error("{}{}: {message}", .file.display(), colon(.line))]
    Toml {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1, where it is known.
        line: Option<usize>,
        /// What the reader of TOML expected and found.
        message: String,
    },

    /// A file cannot be opened or read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A line is not text.
    #[error(
        "{location}: expected text in UTF-8, found other bytes; save the file as UTF-8 (a workbook as \"CSV UTF-8\")"
    )]
    NotUtf8 {
        /// The line.
        location: SourceLocation,
    },
    /// A file whose first line is a header has no line.
    #[error("{}: expected a header line, found an empty file", .path.display())]
    NoHeader {
        /// The file.
        path: PathBuf,
    },
    /// A header is not that of the format.
    #[error("{location}: expected the header {}, found {}", list(.expected), list(.found))]
    Header {
        /// The line.
        location: SourceLocation,
        /// The format's columns.
        expected: Vec<String>,
        /// The file's columns.
        found: Vec<String>,
    },
    /// A header names a column twice.
    #[error("{location}: expected every column once, found `{column}` again")]
    DuplicateColumn {
        /// The line.
        location: SourceLocation,
        /// The column.
        column: String,
    },
    /// A row has too few or too many fields.
    #[error(
        "{location}: expected {expected} fields separated by {separator}, found {found}{}", quoted_to(.location, *.last_line)
    )]
    FieldCount {
        /// The row.
        location: SourceLocation,
        /// The name of what separates fields.
        separator: &'static str,
        /// Number of columns.
        expected: usize,
        /// Number of fields of the row.
        found: usize,
        /// The line where the row ends.
        last_line: usize,
    },
    /// The header of a table is one column that another format would take for several.
    #[error(
        "{location}: the fields seem to be separated by `{}`, which is `format = \"{}\"`", separator.escape_default(), format.as_str()
    )]
    Separator {
        /// The header.
        location: SourceLocation,
        /// What seems to separate the fields.
        separator: char,
        /// The format that reads them so.
        format: Format,
    },
    /// A file's first line is neither a JSON object nor the header of a table.
    #[error(
        "{}: expected {}", .path.display(),
        if *array { "one JSON object a line, found an array over the whole file" }
        else { "a header with names separated by commas, semicolons or tabs, or one JSON object a line" }
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Whether the file is a JSON array.
        array: bool,
    },
    /// A quoted field goes on to the end of the file.
    #[error(
        "{location}: a quote in this row is never closed; write `\"\"` for a quote inside of a quoted field"
    )]
    OpenQuote {
        /// The row.
        location: SourceLocation,
    },
    /// A line is not a JSON object.
    #[error("{location}: expected a JSON object, but {message}")]
    Json {
        /// The line.
        location: SourceLocation,
        /// What the reader of JSON found, and at which column.
        message: String,
    },
    /// A Parquet file cannot be read.
    #[error("{}: expected a Parquet file, but {message}", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader of Parquet found.
        message: String,
    },
    /// The program was built without what something needs.
    #[error("`{what}` needs the feature `{feature}`, which this program was built without")]
    WithoutFeature {
        /// The file or id.
        what: String,
        /// The feature.
        feature: &'static str,
    },
    /// A line's object is not nested as its format has it.
    #[error("{location}: expected an object of the format `{}`, but {message}", format.as_str())]
    NestedRow {
        /// The line.
        location: SourceLocation,
        /// The format.
        format: Format,
        /// What the reader expected and found.
        message: String,
    },
    /// A row lacks a field that is asked for.
    #[error(
        "{location}: expected the field `{field}`, found {}{}", list(.known), did_you_mean(.field, texts(.known))
    )]
    UnknownField {
        /// The row.
        location: SourceLocation,
        /// The field asked for.
        field: String,
        /// The row's fields.
        known: Vec<String>,
    },
    /// A field that is asked for holds no text, number or truth value.
    #[error(
        "{location}: expected text, a number or a truth value in the field `{field}`, found {found}"
    )]
    FieldKind {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
        /// What it holds.
        found: &'static str,
    },
    /// A row's label is not among the label words.
    #[error(
        "{location}: expected one of the labels {}, found `{label}`{}", list(.known), did_you_mean(.label, texts(.known))
    )]
    UnknownLabel {
        /// The row.
        location: SourceLocation,
        /// The label found.
        label: String,
        /// The labels that have words.
        known: Vec<String>,
    },
    /// A label is in no row of the training split, which the labels are taken from.
    #[error(
        "{location}: no row of `{}`, where the labels are taken from, has the label `{label}`{}; \
         add such rows or list all labels in `labels`",
        .train.display(), did_you_mean(.label, texts(.known))
    )]
    UnseenLabel {
        /// The row.
        location: SourceLocation,
        /// The label found.
        label: String,
        /// The file of the training split.
        train: PathBuf,
        /// The labels that the file has.
        known: Vec<String>,
    },
    /// A row has no label.
    #[error("{location}: the field `{field}` has no label; fill it in, or take the row out")]
    NoLabel {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
    },
    /// Two labels of the training split are one but for upper and lower case or spaces.
    #[error(
        "{location}: the labels `{first}` and `{second}` differ in upper and lower case or in spaces alone; \
         write them alike, or list what is to be told apart in `labels`"
    )]
    LabelsAlike {
        /// The first row with the second label.
        location: SourceLocation,
        /// The label that was there before.
        first: String,
        /// The label found.
        second: String,
    },
    /// Both a file for the development split and a share of the training split are given.
    #[error("expected `dev` or `hold_out`, found both")]
    TwoDevSplits,
    /// A share of the training split is to be held out, but the split has no file.
    #[error("`hold_out` takes rows of the split `train`, which names no file")]
    HoldOutWithoutTrain,
    /// So few rows that none is held out, or none is left to learn from.
    #[error(
        "{}: `hold_out = {share}` leaves {train} rows to learn from and {dev} to judge by; \
         give it more rows or another share", .path.display()
    )]
    HoldOut {
        /// The file of the training split.
        path: PathBuf,
        /// The share.
        share: f64,
        /// Rows that are left to learn from.
        train: usize,
        /// Rows that are held out.
        dev: usize,
    },
    /// A text cannot be the id of a data set.
    #[error("expected the id of a data set, `owner/name` or `name`, found `{found}`")]
    HubName {
        /// The text.
        found: String,
    },
    /// A data set's files are not as their names should tell.
    #[error(
        "data set `{dataset}`: expected {expected}, found {}; name files by `train`, `dev` and `test`, or their `folder`", list(.found)
    )]
    HubFiles {
        /// The data set.
        dataset: String,
        /// What was looked for.
        expected: String,
        /// The files that there are.
        found: Vec<String>,
    },
    /// A data set cannot be fetched.
    #[error("cannot fetch the data set `{dataset}` from the hub")]
    Hub {
        /// The data set.
        dataset: String,
        /// What the hub, or the way to it, said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Rows cannot be kept on disk.
    #[error("cannot keep rows in the folder for temporary files; set `TMPDIR` to one with room")]
    ExamplesOnDisk {
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A file changed between two readings.
    #[error(
        "{}: expected {expected} rows, as a moment ago, found {found}; do not change the file while it is read", .path.display()
    )]
    FileChanged {
        /// The file.
        path: PathBuf,
        /// Rows of the first reading.
        expected: usize,
        /// Rows of the second, at least.
        found: usize,
    },
    /// Splits by name of a format that they are not known for.
    #[error("`splits = \"{}\"` is for original files of GLUE and SuperGLUE other than ReCoRD, not for `format = \"{}\"`", splits.as_str(), format.as_str())]
    SplitsFormat {
        /// The splits.
        splits: Splits,
        /// The format.
        format: Format,
    },
    /// Splits by name of other files than they are made of.
    #[error("`splits = \"{}\"` needs {expected}", splits.as_str())]
    SplitsFiles {
        /// The splits.
        splits: Splits,
        /// What they are made of.
        expected: &'static str,
    },
    /// Rows are to be held out of a format whose training rows say one thing several times.
    #[error(
        "`hold_out` cannot be used with `format = \"{}\"`: it has a row for each answer of a question, and answers of one question \
         would be learned from and judged by; name a file `dev`",
        format.as_str()
    )]
    HoldOutOfAnswers {
        /// The format.
        format: Format,
    },
    /// A label has fewer rows than are to be drawn.
    #[error(
        "{}: `few_shot` draws {expected} rows{}, found {found}", .path.display(),
        label.as_ref().map_or_else(String::new, |label| format!(" of each label, but of `{label}`"))
    )]
    FewShot {
        /// The file of the training split.
        path: PathBuf,
        /// The label's word; none where targets are no labels.
        label: Option<String>,
        /// Rows to be drawn.
        expected: usize,
        /// Rows that there are.
        found: usize,
    },
    /// A field holds none of several texts of which one at least is needed.
    #[error("{location}: expected at least one text in the field `{field}`, found an empty array")]
    NoText {
        /// The row.
        location: SourceLocation,
        /// The field.
        field: String,
    },
    /// A row's score is not a number in the range of the scale.
    #[error("{location}: expected a score from {lowest} to {highest}, found `{found}`")]
    Score {
        /// The row.
        location: SourceLocation,
        /// The lowest score.
        lowest: f64,
        /// The highest score.
        highest: f64,
        /// The text found.
        found: String,
    },

    /// A text could not be turned into tokens.
    #[error("{location}: {problem}")]
    Tokenize {
        /// The row that the text comes from.
        location: SourceLocation,
        /// What the tokenizer said.
        problem: crate::tokenize::TokenizeError,
    },
    /// An option is out of its range.
    #[error("expected `{option}` {expected}, found {found}")]
    OutOfRange {
        /// The option.
        option: &'static str,
        /// The range.
        expected: &'static str,
        /// The value given.
        found: f64,
    },
    /// A mixture of no task.
    #[error("a mixture needs at least one task, but was given none")]
    EmptyMixture,
    /// A task of a mixture has no row.
    #[error("task {task} of the mixture (counted from 0) has no row")]
    EmptyTask {
        /// The position of the task.
        task: usize,
    },
    /// Tasks are to be drawn for each batch, and to take turns.
    #[error(
        "`stochastic` draws the tasks of each batch, but with `shuffle = false` they take turns: leave one of the two away"
    )]
    StochasticInTurn,
    /// A batch of no row.
    #[error("a batch needs at least one row, but was given none")]
    EmptyBatch,
    /// There are more or fewer predictions than rows.
    #[error("expected a prediction for each of {expected} rows, found {found}")]
    PredictionCount {
        /// Number of rows.
        expected: usize,
        /// Number of predictions.
        found: usize,
    },
    /// There are more or fewer groups than rows.
    #[error("expected a group for each of {expected} rows, found {found}")]
    GroupCount {
        /// Number of rows.
        expected: usize,
        /// Number of groups.
        found: usize,
    },
    /// There are more or fewer scores than label words.
    #[error("expected a score for each of {expected} label words, found {found}")]
    RankingCount {
        /// Number of label words.
        expected: usize,
        /// Number of scores.
        found: usize,
    },
}

impl Error {
    /// What is wrong with the TOML of a file.
    pub(crate) fn toml(file: &Path, problem: TomlProblem) -> Self {
        let TomlProblem { line, message } = problem;
        Self::Toml { file: file.to_path_buf(), line, message }
    }

    /// The same problem, said of a task.
    pub(crate) fn in_task(self, task: &TaskId) -> Self {
        Self::InTask { task: task.clone(), problem: Box::new(self) }
    }

    /// The same problem, said of a corpus.
    pub(crate) fn in_corpus(self, corpus: &TaskId) -> Self {
        Self::InCorpus { corpus: corpus.clone(), problem: Box::new(self) }
    }
}

fn texts(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}

/// A row of several lines with a wrong number of fields has most likely a quote too many.
fn quoted_to(location: &SourceLocation, last_line: usize) -> String {
    if last_line == location.line() {
        return String::new();
    }
    format!("; quotes join the lines to {last_line}: is one not closed?")
}

/// Names one after another, each in backticks.
fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn colon(line: &Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(":{line}"))
}

fn on_line(line: &Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", on line {line}"))
}
