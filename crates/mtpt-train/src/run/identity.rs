//! Identity of a run: a checkpoint may only be resumed by the run that wrote it.

use burn::module::Module;
use mtpt_core::named_parameters;
use mtpt_infer::{Candidates, TaskData};
use mtpt_io::layout::f32_values;
use mtpt_tasks::corpus::{CorpusConfig, CorpusTokens};
use mtpt_tasks::{Gold, Metric, Split, TaskId};
use serde::Serialize;
use serde_json::Value;

use crate::config::evaluation::EvaluationConfig;
use crate::config::run::RunConfig;
use crate::data::pretraining_data::PretrainingData;
use crate::error::Result;
use crate::output::error::CheckpointError;

/// Key of the checksum of initial values.
pub(crate) const INITIAL_VALUES: &str = "first_values";

/// Identity of a run, as its checkpoints store it: its configuration and its data.
///
/// Examples count by their tokens, in order, and those of `dev` also by their references, since
/// only tokens of the training split affect training, wherever they are stored. The paths of files
/// don't count, but their contents do.
#[derive(Serialize)]
pub(crate) struct RunIdentity<'a, C> {
    #[serde(flatten)]
    config: C,
    /// Checksum of the initial values of prompts, if they come from files.
    #[serde(rename = "first_values", skip_serializing_if = "Option::is_none")]
    initial_values: Option<u32>,
    tasks: Vec<TaskIdentity<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    corpora: Vec<CorpusIdentity>,
    /// Inputs of the loss other than the examples.
    #[serde(skip_serializing_if = "Value::is_null")]
    objective: Value,
}

#[derive(Serialize)]
struct TaskIdentity<'a> {
    name: &'a TaskId,
    /// The metrics that decide which prompts are the best.
    metrics: &'a [Metric],
    train: Tokens,
    dev: Tokens,
}

#[derive(Serialize)]
struct CorpusIdentity {
    #[serde(flatten)]
    config: CorpusConfig,
    tokens: [Tokens; 2],
}

/// Count and checksum of tokens.
#[derive(Serialize)]
struct Tokens {
    count: usize,
    checksum: u32,
}

impl<'a, C: Serialize> RunIdentity<'a, C> {
    pub(crate) fn of_tasks(config: C, tasks: &'a [TaskData]) -> Result<Self> {
        let identity = |task: &'a TaskData| -> Result<TaskIdentity<'a>> {
            Ok(TaskIdentity {
                name: task.task().id(),
                metrics: task.task().metrics(),
                train: Tokens::of_rows(task, Split::Train)?,
                dev: Tokens::of_rows(task, Split::Dev)?,
            })
        };
        let tasks = tasks.iter().map(identity).collect::<Result<_>>()?;
        Ok(Self {
            config,
            initial_values: None,
            tasks,
            corpora: Vec::new(),
            objective: Value::Null,
        })
    }

    /// Adds the identity of the objective.
    pub(crate) fn with_objective(self, objective: Value) -> Self {
        Self { objective, ..self }
    }

    /// Returns the identity as JSON.
    pub(crate) fn to_value(&self) -> Result<Value> {
        let mut value = serde_json::to_value(self)
            .map_err(|source| CheckpointError::Json { path: "state.json".into(), source })?;
        if let Some(evaluation) = value.get_mut("evaluation").and_then(Value::as_object_mut) {
            evaluation.retain(|key, _| !EvaluationConfig::REPORTING_KEYS.contains(&key.as_str()));
        }
        Ok(value)
    }

    /// Creates the identity of a pretraining run.
    pub(crate) fn of_text_and_tasks(config: C, data: &'a PretrainingData) -> Result<Self> {
        let corpora = data.corpora().iter().map(CorpusIdentity::new).collect();
        Ok(Self { corpora, ..Self::of_tasks(config, data.tasks())? })
    }
}

impl<'a> RunIdentity<'a, RunConfig> {
    /// Creates the identity of a run with the initial values of a module.
    pub(crate) fn of_run<M: Module>(
        config: &RunConfig,
        tasks: &'a [TaskData],
        initial: &M,
    ) -> Result<Self> {
        let prompt = config.prompt.clone().without_files();
        let mut identity = Self::of_tasks(RunConfig { prompt, ..config.clone() }, tasks)?;
        if config.prompt.files().next().is_some() {
            let mut checksum = crc32fast::Hasher::new();
            for values in named_parameters(initial).values() {
                f32_values(values).iter().for_each(|value| checksum.update(&value.to_le_bytes()));
            }
            identity.initial_values = Some(checksum.finalize());
        }
        Ok(identity)
    }
}

impl CorpusIdentity {
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
        let mut sum = TokenSum::default();
        for row in 0..task.count(split) {
            let row = task.row(split, row)?;
            sum.add(&row.input_ids);
            sum.add(&row.target_ids);
        }
        if split == Split::Dev {
            sum.add_references(task, split);
        }
        Ok(sum.finish())
    }

    fn new<'a>(parts: impl Iterator<Item = &'a [u32]>) -> Self {
        let mut sum = TokenSum::default();
        parts.for_each(|part| sum.add(part));
        sum.finish()
    }
}

/// Count and checksum of tokens added so far.
#[derive(Default)]
struct TokenSum {
    count: usize,
    checksum: crc32fast::Hasher,
}

impl TokenSum {
    fn add(&mut self, part: &[u32]) {
        self.count += part.len();
        // The length is included so that a token moving from one part to the next is noticed.
        self.checksum.update(&part.len().to_le_bytes());
        part.iter().for_each(|token| self.checksum.update(&token.to_le_bytes()));
    }

    /// Adds what the examples of a split are evaluated by, other than their targets.
    fn add_references(&mut self, task: &TaskData, split: Split) {
        let choices = task.choices(split).iter().flat_map(Candidates::ids);
        choices.for_each(|choice| self.add(choice));
        for references in task.references(split) {
            // A reference moving from one example to the next is noticed, too.
            self.checksum.update(&references.len().to_le_bytes());
            references.iter().for_each(|text| self.add_text(text));
        }
        for gold in task.gold(split) {
            // The target is only the nearest word of the scale.
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
