use std::path::Path;

use mtpt_tasks::{MixtureConfig, read_toml};
use serde::{Deserialize, Serialize};

use crate::{Decay, Error, EvaluationConfig, OptimizerConfig, Result, TrainingConfig};

/// Everything that continued pretraining is made from, as a TOML file says it.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `model` | | folder of the model to start from, or its id on the hub |
/// | `seed` | 0 | seed of the order of rows and of what is drawn from them |
/// | `dropout` | `false` | whether the model's own dropout acts; T5 1.1 was pretrained without |
/// | `training` | | see below |
/// | `corpora` | none | text to learn from, see [`CorpusConfig`](mtpt_tasks::CorpusConfig) |
/// | `tasks` | none | rows with labels to learn from, see [`TaskFile`](mtpt_tasks::TaskFile) |
/// | `tasks_weight` | 1.0 | how often rows of all tasks together occur, beside the `weight` of each corpus |
/// | `mixture` | | how tasks are mixed with one another, see [`MixtureConfig`] |
/// | `evaluation` | | see [`EvaluationConfig`]; with `every`, there is an evaluation before the first step too |
///
/// `training` has the keys of [`TrainingConfig`], but for those of what tasks own (`task_…`), some with other defaults:
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `steps` | 1000 | |
/// | `learning_rate` | 0.0003 | for all weights alike |
/// | `max_input_length` | 512 | longest input, of a corpus and of a task |
/// | `max_target_length` | 512 | longest target |
/// | `checkpoint_every` | 500 | steps between checkpoints, of three times the model's size; 0 writes none |
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PretrainingConfig {
    /// Folder of the model to start from, or its id on the hub.
    pub model: String,
    /// Seed of the order of rows and of what is drawn from them.
    pub seed: u64,
    /// Whether the model's own dropout acts.
    pub dropout: bool,
    /// How often rows of all tasks together occur.
    pub tasks_weight: f64,
    /// Steps, rates and batches.
    pub training: TrainingConfig,
    /// How tasks are mixed with one another.
    pub mixture: MixtureConfig,
    /// When and how the learned is judged.
    pub evaluation: EvaluationConfig,
}

/// A configuration file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    model: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    dropout: bool,
    #[serde(default = "one")]
    tasks_weight: f64,
    #[serde(default = "training", deserialize_with = "Training::deserialize")]
    training: TrainingConfig,
    #[serde(default)]
    mixture: MixtureConfig,
    #[serde(default)]
    evaluation: EvaluationConfig,
    /// Read by `mtpt_tasks::CorpusFile` and `mtpt_tasks::TaskFile`, which know the lines.
    #[serde(rename = "corpora", default)]
    _corpora: serde::de::IgnoredAny,
    #[serde(rename = "tasks", default)]
    _tasks: serde::de::IgnoredAny,
    #[serde(rename = "groups", default)]
    _groups: serde::de::IgnoredAny,
}

/// The same keys as ever, with other defaults.
#[derive(Deserialize)]
#[serde(remote = "TrainingConfig", default = "training", deny_unknown_fields)]
struct Training {
    steps: usize,
    batch_size: usize,
    micro_batch_size: Option<usize>,
    learning_rate: f64,
    /// Weights belong to no task.
    #[serde(skip)]
    task_learning_rate: Option<f64>,
    #[serde(skip)]
    task_weight_decay: Option<f32>,
    #[serde(skip)]
    task_clip_norm: Option<f64>,
    warmup_steps: usize,
    decay: Decay,
    max_input_length: usize,
    max_target_length: usize,
    checkpoint_every: usize,
    optimizer: OptimizerConfig,
}

fn training() -> TrainingConfig {
    TrainingConfig {
        steps: 1000,
        learning_rate: 3e-4,
        max_input_length: 512,
        max_target_length: 512,
        checkpoint_every: 500,
        ..TrainingConfig::default()
    }
}

fn one() -> f64 {
    1.0
}

impl PretrainingConfig {
    /// The defaults, for a model.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            seed: 0,
            dropout: false,
            tasks_weight: one(),
            training: training(),
            mixture: MixtureConfig::default(),
            evaluation: EvaluationConfig::default(),
        }
    }

    /// Reads the text of a configuration file, all but its `[[corpora]]` and `[[tasks]]`, which are
    /// [`CorpusFile`](mtpt_tasks::CorpusFile)'s and [`TaskFile`](mtpt_tasks::TaskFile)'s; the path is for messages.
    ///
    /// # Errors
    ///
    /// When the text is not TOML, has an unknown key or a value out of its range.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Document = read_toml(text).map_err(|problem| Error::toml(path, problem))?;
        let config = Self {
            model: document.model,
            seed: document.seed,
            dropout: document.dropout,
            tasks_weight: document.tasks_weight,
            training: document.training,
            mixture: document.mixture,
            evaluation: document.evaluation,
        };
        config.check().map_err(|error| error.in_config(path))?;
        Ok(config)
    }

    /// Checks what can be checked without the model.
    ///
    /// # Errors
    ///
    /// When a number is out of its range, which the error names.
    pub fn check(&self) -> Result<()> {
        let found = self.tasks_weight;
        if !(found.is_finite() && found > 0.0) {
            let (option, expected) = ("tasks_weight", "positive and finite");
            return Err(Error::OutOfRange { option, expected, found });
        }
        self.training.check()?;
        self.evaluation.check()
    }
}
