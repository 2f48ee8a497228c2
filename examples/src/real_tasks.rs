//! Tasks on real files.

use std::fs;
use std::path::{Path, PathBuf};

use mtpt::io::fs::write_atomic;
use mtpt::tasks::score::Scale;
use mtpt::tasks::{
    Format, LabelsConfig, Limit, Metric, Split, Splits, Task, TaskConfig, TaskId, glue,
};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use crate::Result;

/// Rows that are reported on: enough for a figure to within about one and a half points, quick enough to watch.
const JUDGED: usize = 1_000;
/// Rows that the step is chosen by and the live table shows.
const CHOSEN_BY: usize = 128;

/// What the real tasks ask about: judgements, single sentences, pairs of sentences.
const GROUPS: [(&str, &[&str]); 3] = [
    ("sentiment", &["sst2", "mpqa"]),
    ("sentence", &["cola", "trec", "subj"]),
    ("pair", &["mrpc", "rte", "stsb"]),
];

/// Five tasks of GLUE, TREC's six kinds of questions, subjectivity (Subj) and opinions (MPQA).
///
/// Inputs of GLUE's tasks begin with a word that says what is asked, and answers are words of one piece: what a small model
/// without T5's own training has the easiest time with. `mtpt::tasks::glue` without a template or labels has T5's texts.
///
/// GLUE's test files have no labels: its development files are the test here. Rows to choose by are drawn from the training files,
/// whose two parts are written to the folder `cut`.
///
/// # Errors
///
/// When a file is missing or not what it should be.
pub fn tasks(data: &Path, cut: &Path, seed: u64) -> Result<Vec<Task>> {
    let configs = files(data, tested_on_dev)?.into_iter();
    configs.map(|config| check(config, cut, seed)).collect()
}

/// The same tasks on the splits that results are compared on, under the names of their groups.
///
/// GLUE's tasks have the splits of [`Splits::Mpt`], the others the files that they come with. At most as many rows of each split
/// are used as told; which ones is drawn by the limit's seed. Each task has one metric, and STS-B's scores are
/// whole numbers.
///
/// # Errors
///
/// When a file is missing or not what it should be.
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

/// The same task under the name of its group.
///
/// # Errors
///
/// When it is none of the tasks here.
pub fn in_group(config: &TaskConfig) -> Result<Task> {
    let leaf = config.name.leaf();
    let group = GROUPS.iter().find(|(_, tasks)| tasks.contains(&leaf));
    let (group, _) = group.ok_or_else(|| format!("`{leaf}` is in no group"))?;
    let name = TaskId::new(&format!("{group}/{leaf}"))?;
    Ok(Task::new(&TaskConfig { name, ..config.clone() })?)
}

/// The tasks as they are used, on files that are there.
fn files(data: &Path, used: fn(TaskConfig) -> TaskConfig) -> Result<Vec<TaskConfig>> {
    if !data.is_dir() {
        let data = data.display();
        return Err(format!(
            "there is no folder `{data}`: `--data` takes one with `glue/` and `text/`, as examples/README.md says"
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
    let judged_by = |config: TaskConfig, metric| TaskConfig { metrics: vec![metric], ..config };
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
        judged_by(
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

/// The task, judged on its development file where its test file has no labels.
fn tested_on_dev(config: TaskConfig) -> TaskConfig {
    let test = config.test.or(config.dev);
    TaskConfig { test, dev: None, ..config }
}

/// The task, with rows to choose by that are not learned from.
fn check(mut config: TaskConfig, cut: &Path, seed: u64) -> Result<Task> {
    config.limit = Limit { test: Some(JUDGED), ..Limit::default() };
    // What is wrong with the training file is said of the file itself, not of its parts.
    let whole = Task::new(&config)?;
    whole.read(Split::Train)?;
    if let Some(train) = &config.train {
        let has_header = !matches!(config.format, Format::GlueCola | Format::JsonLines);
        let parts = divide(train, has_header, cut, &config.name, seed)?;
        (config.train, config.dev) = (Some(parts.0), Some(parts.1));
    }
    // Labels that were collected from the whole file stay, whatever its parts hold.
    config.labels.clone_from(&whole.config().labels);
    Ok(Task::new(&config)?)
}

/// Divides the lines of a file into those to learn from and [`CHOSEN_BY`] drawn ones, at most a fifth, to choose by.
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
