use burn::module::Module;
use mtpt_core::named_parameters;
use mtpt_tasks::corpus::{CorpusConfig, CorpusTokens};
use mtpt_tasks::{Gold, Metric, Split, TaskId};
use serde::Serialize;
use serde_json::Value;

use crate::config::run::RunConfig;
use crate::data::pretraining_data::PretrainingData;
use crate::error::Result;
use mtpt_infer::{Candidates, TaskData};
use mtpt_io::layout::f32_values;

/// What a run is, as its checkpoints remember it: its configuration, and what it learns from and is judged by.
///
/// Rows count as tokens, in their order, and those of `dev` as what they are judged by, too: of the training split only tokens
/// are learned from, which are the same wherever its rows are kept. Where files lie and how the paths were spelled is no part
/// of it, and a file that changed under the same name is another.
#[derive(Serialize)]
pub(crate) struct RunIdentity<'a, C> {
    #[serde(flatten)]
    config: C,
    /// A checksum of the values that prompts begin at, where they come from files.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_values: Option<u32>,
    tasks: Vec<Rows<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    corpora: Vec<Text>,
    /// What losses are made from besides the rows.
    #[serde(skip_serializing_if = "Value::is_null")]
    objective: Value,
}

/// A task.
#[derive(Serialize)]
struct Rows<'a> {
    name: &'a TaskId,
    /// The best prompts so far are best by these.
    metrics: &'a [Metric],
    train: Tokens,
    dev: Tokens,
}

/// A corpus.
#[derive(Serialize)]
struct Text {
    #[serde(flatten)]
    config: CorpusConfig,
    tokens: [Tokens; 2],
}

/// Tokens, known again by their number and a checksum.
#[derive(Serialize)]
struct Tokens {
    count: usize,
    checksum: u32,
}

impl<'a, C: Serialize> RunIdentity<'a, C> {
    pub(crate) fn of_tasks(config: C, tasks: &'a [TaskData]) -> Result<Self> {
        let rows = |task: &'a TaskData| -> Result<Rows<'a>> {
            Ok(Rows {
                name: task.task().id(),
                metrics: task.task().metrics(),
                train: Tokens::of_rows(task, Split::Train)?,
                dev: Tokens::of_rows(task, Split::Dev)?,
            })
        };
        let tasks = tasks.iter().map(rows).collect::<Result<_>>()?;
        Ok(Self { config, first_values: None, tasks, corpora: Vec::new(), objective: Value::Null })
    }

    pub(crate) fn with_objective(self, objective: Value) -> Self {
        Self { objective, ..self }
    }

    pub(crate) fn of_text_and_tasks(config: C, data: &'a PretrainingData) -> Result<Self> {
        let corpora = data.corpora().iter().map(Text::new).collect();
        Ok(Self { corpora, ..Self::of_tasks(config, data.tasks())? })
    }
}

impl<'a> RunIdentity<'a, RunConfig> {
    /// Of a run that begins with a module of these values.
    pub(crate) fn of_run<M: Module>(
        config: &RunConfig,
        tasks: &'a [TaskData],
        begins: &M,
    ) -> Result<Self> {
        let prompt = config.prompt.clone().without_files();
        let mut identity = Self::of_tasks(RunConfig { prompt, ..config.clone() }, tasks)?;
        if config.prompt.files().next().is_some() {
            let mut checksum = crc32fast::Hasher::new();
            for values in named_parameters(begins).values() {
                f32_values(values).iter().for_each(|value| checksum.update(&value.to_le_bytes()));
            }
            identity.first_values = Some(checksum.finalize());
        }
        Ok(identity)
    }
}

impl Text {
    fn new(corpus: &CorpusTokens) -> Self {
        let config = corpus.corpus().config().clone();
        let tokens = [Split::Train, Split::Dev].map(|split| {
            Tokens::new(corpus.chunks(split).into_iter().map(|chunks| chunks.tokens()))
        });
        Self { config: CorpusConfig { train: Vec::new(), dev: Vec::new(), ..config }, tokens }
    }
}

impl Tokens {
    fn of_rows(task: &TaskData, split: Split) -> Result<Self> {
        let mut sum = Sum::default();
        for row in 0..task.count(split) {
            let row = task.row(split, row)?;
            sum.add(&row.input_ids);
            sum.add(&row.target_ids);
        }
        if split == Split::Dev {
            sum.add_what_is_right(task, split);
        }
        Ok(sum.finish())
    }

    fn new<'a>(parts: impl Iterator<Item = &'a [u32]>) -> Self {
        let mut sum = Sum::default();
        parts.for_each(|part| sum.add(part));
        sum.finish()
    }
}

/// Tokens that are counted and summed up, part by part.
#[derive(Default)]
struct Sum {
    count: usize,
    checksum: crc32fast::Hasher,
}

impl Sum {
    fn add(&mut self, part: &[u32]) {
        self.count += part.len();
        // Its length first, so that a token cannot move from a part to its neighbour unnoticed.
        self.checksum.update(&part.len().to_le_bytes());
        part.iter().for_each(|token| self.checksum.update(&token.to_le_bytes()));
    }

    /// What the rows of a split are judged by, besides their targets.
    fn add_what_is_right(&mut self, task: &TaskData, split: Split) {
        let choices = task.choices(split).iter().flat_map(Candidates::ids);
        choices.for_each(|choice| self.add(choice));
        for references in task.references(split) {
            // What is right for a row cannot move to its neighbour either.
            self.checksum.update(&references.len().to_le_bytes());
            references.iter().for_each(|text| self.add_text(text));
        }
        for gold in task.gold(split) {
            // The target is the nearest word of the scale alone.
            if let Gold::Score(score) = gold {
                self.checksum.update(&score.to_bits().to_le_bytes());
            }
        }
        task.groups(split).iter().for_each(|group| self.add_text(group));
    }

    fn add_text(&mut self, text: &str) {
        self.checksum.update(&text.len().to_le_bytes());
        self.checksum.update(text.as_bytes());
    }

    fn finish(self) -> Tokens {
        Tokens { count: self.count, checksum: self.checksum.finalize() }
    }
}
