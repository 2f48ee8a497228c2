//! Tasks on real data.

use std::fs;
use std::path::{Path, PathBuf};

use mtpt::io::fs::write_atomic;
use mtpt::tasks::benchmarks::glue;
use mtpt::tasks::labels::Scale;
use mtpt::tasks::{Format, LabelsConfig, Limit, Metric, Split, Splits, Task, TaskConfig, TaskId};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use crate::Result;

/// Number of test rows: enough for a result within about one and a half points, few enough to
/// watch.
const JUDGED: usize = 1_000;
/// Number of rows that select the step and appear in the live table.
const CHOSEN_BY: usize = 128;

/// Groups of the real tasks: sentiment, single sentences, sentence pairs.
const GROUPS: [(&str, &[&str]); 3] = [
    ("sentiment", &["sst2", "mpqa"]),
    ("sentence", &["cola", "trec", "subj"]),
    ("pair", &["mrpc", "rte", "stsb"]),
];

/// Returns five GLUE tasks, TREC's six question types, subjectivity (Subj) and opinions (MPQA).
///
/// GLUE inputs start with a word that names the task, and label words are single tokens: the
/// easiest form for a small model without T5's own training. `mtpt::tasks::benchmarks::glue`
/// without a template or labels has T5's texts.
///
/// GLUE's test files have no labels, so its dev files are the test data. The rows that select a
/// step are sampled from the training files, whose two parts are written to the folder `cut`.
///
/// # Errors
///
/// When a file is missing or malformed.
pub fn tasks(data: &Path, cut: &Path, seed: u64) -> Result<Vec<Task>> {
    let configs = files(data, tested_on_dev)?.into_iter();
    configs.map(|config| check(config, cut, seed)).collect()
}

/// Returns the same tasks on the splits that results are reported on, with their groups in the
/// names.
///
/// GLUE tasks use [`Splits::Mpt`], the others the splits of their files. At most `limit` rows of
/// each split are used, sampled with the limit's seed. Each task has one metric, and STS-B's scores
/// are whole numbers.
///
/// # Errors
///
/// When a file is missing or malformed.
pub fn compared(data: &Path, limit: &Limit) -> Result<Vec<Task>> {
    files(data, |config| config)?
        .into_iter()
        .map(|mut config| {
            config.limit = limit.clone();
            if config.name.leaf() == "stsb" {
                config.labels =
                    Some(LabelsConfig::Regression(Scale { step: 1.0, ..Scale::default() }));
                config.metrics = vec![Metric::Pearson];
            }
            if config.test.is_none() {
                config.splits = Some(Splits::Mpt);
            }
            in_group(&config)
        })
        .collect()
}

/// Returns the task with its group in the name.
///
/// # Errors
///
/// When the task isn't one of this module.
pub fn in_group(config: &TaskConfig) -> Result<Task> {
    let leaf = config.name.leaf();
    let group = GROUPS.iter().find(|(_, tasks)| tasks.contains(&leaf));
    let (group, _) = group.ok_or_else(|| format!("`{leaf}` is in no group"))?;
    let name = TaskId::new(&format!("{group}/{leaf}"))?;
    Ok(Task::new(&TaskConfig { name, ..config.clone() })?)
}

/// Returns the tasks after checking that their files exist.
fn files(data: &Path, used: fn(TaskConfig) -> TaskConfig) -> Result<Vec<TaskConfig>> {
    if !data.is_dir() {
        let data = data.display();
        return Err(format!(
            "there is no folder `{data}`: `--data` needs a folder with `glue/` and `text/`, see examples/README.md"
        )
        .into());
    }
    let configs: Vec<TaskConfig> = configs(data)?.into_iter().map(used).collect();
    let files =
        configs.iter().flat_map(|config| [&config.train, &config.dev, &config.test]).flatten();
    if let Some(missing) = files.into_iter().find(|path| !path.is_file()) {
        let (missing, data) = (missing.display(), data.display());
        return Err(format!(
            "there is no file `{missing}`: `--data {data}` needs the files that examples/README.md lists"
        )
        .into());
    }
    Ok(configs)
}

fn configs(data: &Path) -> Result<Vec<TaskConfig>> {
    let folder = |name: &str| data.join("glue").join(name);
    let worded = |config: TaskConfig, template: &str, words: &[(&str, &str)]| TaskConfig {
        template: Some(template.to_owned()),
        labels: Some(LabelsConfig::words(words.iter().copied())),
        ..config
    };
    let with_metric = |config: TaskConfig, metric| TaskConfig { metrics: vec![metric], ..config };
    let yes_if_1 = [("0", "no"), ("1", "yes")];
    let text = |name: &str, template: &str| -> Result<TaskConfig> {
        let folder = data.join("text").join(name);
        Ok(TaskConfig {
            train: Some(folder.join("train.jsonl")),
            dev: Some(folder.join("dev.jsonl")),
            test: Some(folder.join("test.jsonl")),
            template: Some(template.to_owned()),
            labels: Some(LabelsConfig::Verbatim),
            ..TaskConfig::new(TaskId::new(&format!("text/{name}"))?, Format::JsonLines)
        })
    };
    let glue = [
        worded(glue::cola(&folder("CoLA")), "acceptable: {sentence}", &yes_if_1),
        with_metric(
            worded(glue::mrpc(&folder("MRPC")), "paraphrase: {sentence1} | {sentence2}", &yes_if_1),
            Metric::Accuracy,
        ),
        worded(
            glue::rte(&folder("RTE")),
            "entailment: {sentence1} | {sentence2}",
            &[("not_entailment", "no"), ("entailment", "yes")],
        ),
        worded(
            glue::sst2(&folder("SST-2")),
            "sentiment: {sentence}",
            &[("0", "bad"), ("1", "good")],
        ),
        TaskConfig {
            template: Some("similarity: {sentence1} | {sentence2}".to_owned()),
            ..glue::stsb(&folder("STS-B"))
        },
    ];
    let mut configs = Vec::new();
    for config in glue {
        let name = TaskId::new(&format!("glue/{}", config.name))?;
        configs.push(TaskConfig { name, ..config });
    }
    configs.push(text("trec", "{text}")?);
    configs.push(text("subj", "{text}")?);
    configs.push(worded(
        text("mpqa", "{text}")?,
        "sentiment: {text}",
        &[("negative", "bad"), ("positive", "good")],
    ));
    Ok(configs)
}

/// Uses the dev file as test data if the test file has no labels.
fn tested_on_dev(config: TaskConfig) -> TaskConfig {
    let test = config.test.or(config.dev);
    TaskConfig { test, dev: None, ..config }
}

/// Adds a dev split that is excluded from the training examples.
fn check(mut config: TaskConfig, cut: &Path, seed: u64) -> Result<Task> {
    config.limit = Limit { test: Some(JUDGED), ..Limit::default() };
    // Errors name the training file itself, not its parts.
    let whole = Task::new(&config)?;
    whole.read(Split::Train)?;
    if let Some(train) = &config.train {
        let has_header = !matches!(config.format, Format::GlueCola | Format::JsonLines);
        let parts = divide(train, has_header, cut, &config.name, seed)?;
        (config.train, config.dev) = (Some(parts.0), Some(parts.1));
    }
    // Labels collected from the whole file stay valid for its parts.
    config.labels.clone_from(&whole.config().labels);
    Ok(Task::new(&config)?)
}

/// Splits the lines of a file into training lines and [`CHOSEN_BY`] sampled dev lines, at most a
/// fifth.
fn divide(
    path: &Path,
    has_header: bool,
    folder: &Path,
    name: &TaskId,
    seed: u64,
) -> Result<(PathBuf, PathBuf)> {
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines();
    let header = if has_header { lines.next() } else { None };
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let mut is_drawn = vec![false; lines.len()];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for line in index::sample(&mut rng, lines.len(), CHOSEN_BY.min(lines.len() / 5)) {
        is_drawn[line] = true;
    }
    let part = |split: Split| -> Result<PathBuf> {
        let drawn =
            lines.iter().zip(&is_drawn).filter(|(_, drawn)| **drawn == (split == Split::Dev));
        let lines: Vec<&str> = header.into_iter().chain(drawn.map(|(line, _)| *line)).collect();
        let path = folder.join(format!("{}.{split}", name.leaf()));
        write_atomic(&path, (lines.join("\n") + "\n").as_bytes())?;
        Ok(path)
    };
    Ok((part(Split::Train)?, part(Split::Dev)?))
}
