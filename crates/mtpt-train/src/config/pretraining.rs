use std::path::Path;

use mtpt_tasks::{MixtureConfig, read_toml};
use serde::{Deserialize, Serialize};

use crate::config::optimizer::OptimizerConfig;
use crate::config::run::{EvaluationConfig, TrainingConfig};
use crate::config::schedule::Decay;
use crate::error::{Error, Result};

/// Everything that continued pretraining is made from, as a TOML file says it.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `model` | | folder of the model to start from, or its id on the hub |
/// | `seed` | 0 | seed of the order of rows and of what is drawn from them |
/// | `dropout` | `false` | whether the model's own dropout acts; T5 1.1 was pretrained without |
/// | `training` | | see below |
/// | `corpora` | none | text to learn from, see [`CorpusConfig`](mtpt_tasks::corpus::CorpusConfig) |
/// | `tasks` | none | rows with labels to learn from, see [`TaskFile`](mtpt_tasks::TaskFile) |
/// | `tasks_weight` | 1.0 | how often rows of all tasks together occur, beside the `weight` of each corpus |
/// | `mixture` | | how tasks are mixed with one another, see [`MixtureConfig`] |
/// | `evaluation` | | see [`PretrainingEvaluationConfig`] |
///
/// `training` has the keys of [`TrainingConfig`], but for those of what tasks own (`task_…`), some with other defaults:
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `steps` | 1000 | |
/// | `learning_rate` | 0.0003 | for all weights alike |
/// | `max_input_length` | 512 | longest input, of a corpus and of a task |
/// | `max_target_length` | 512 | longest target |
/// | `checkpoint_every` | 500 | steps between checkpoints, of three times the model's size with AdamW, and of one more with the best model; 0 writes none |
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
    pub evaluation: PretrainingEvaluationConfig,
}

/// When and how the learned is judged, and whether the best or the last of it is what comes out.
///
/// A model is judged by the mean of the tasks' metrics on `dev`; where no task has this split, by the mean of the losses of the
/// corpora, the lower the better.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `every` | 100 | steps between evaluations on `dev`, of which one is before the first step; 0 evaluates after the last step alone | |
/// | `batch_size` | 64 | rows scored at a time | from 1 |
/// | `keep_best` | `false` | whether the model that comes out is the best on `dev`, not the last step's; it is held in memory and in checkpoints, beside the one that learns | |
/// | `patience` | | evaluations without a better model, after which training ends before its last step; keeps the best, too | from 1; `every` is not 0 |
/// | `min_delta` | 0 | by more than how much a model must be better than the last one that was, a fraction of metrics or nats of losses | from 0 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PretrainingEvaluationConfig {
    /// Steps between evaluations.
    pub every: usize,
    /// Rows scored at a time.
    pub batch_size: usize,
    /// Whether the best model comes out.
    pub keep_best: bool,
    /// Evaluations without progress, after which training ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// What is more than this is progress.
    pub min_delta: f64,
}

impl Default for PretrainingEvaluationConfig {
    fn default() -> Self {
        let EvaluationConfig { every, batch_size, patience, min_delta } =
            EvaluationConfig::default();
        Self { every, batch_size, keep_best: false, patience, min_delta }
    }
}

impl PretrainingEvaluationConfig {
    /// The option that asks for the best model, if one does.
    pub(crate) fn keeps_best(&self) -> Option<&'static str> {
        match self {
            Self { patience: Some(_), .. } => Some("evaluation.patience"),
            Self { keep_best: true, .. } => Some("evaluation.keep_best"),
            _ => None,
        }
    }

    /// Checks every number.
    ///
    /// # Errors
    ///
    /// When one is out of its range, which the error names.
    pub fn check(&self) -> Result<()> {
        let Self { every, batch_size, patience, min_delta, .. } = *self;
        EvaluationConfig { every, batch_size, patience, min_delta }.check()
    }
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
    evaluation: PretrainingEvaluationConfig,
    /// Read by `mtpt_tasks::corpus::CorpusFile` and `mtpt_tasks::TaskFile`, which know the lines.
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
            evaluation: PretrainingEvaluationConfig::default(),
        }
    }

    /// Reads the text of a configuration file, all but its `[[corpora]]` and `[[tasks]]`, which are
    /// [`CorpusFile`](mtpt_tasks::corpus::CorpusFile)'s and [`TaskFile`](mtpt_tasks::TaskFile)'s; the path is for messages.
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
