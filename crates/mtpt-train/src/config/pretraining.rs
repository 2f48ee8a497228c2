use std::path::Path;

use mtpt_tasks::{MixtureConfig, read_toml};
use serde::{Deserialize, Serialize};

use crate::config::error::ConfigError;
use crate::config::evaluation::EvaluationConfig;
use crate::config::optimizer::OptimizerConfig;
use crate::config::schedule::Decay;
use crate::config::training::TrainingConfig;
use crate::error::Result;

/// Configuration of continued pretraining, as in its TOML file.
///
/// The file also has `tasks` and `groups`, see [`TaskFile`](mtpt_tasks::TaskFile), and `corpora`,
/// see
/// [`CorpusConfig`](mtpt_tasks::corpus::CorpusConfig).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PretrainingConfig {
    /// Directory of the model to start from, or its id on the hub.
    pub model: String,
    /// Seed of the order of examples and of everything sampled.
    ///
    /// Default: 0.
    pub seed: u64,
    /// Whether the model's dropout is active; T5 1.1 was pretrained without.
    ///
    /// Default: `false`.
    pub dropout: bool,
    /// Weight of the examples of all tasks together, relative to the `weight` of each corpus.
    ///
    /// Default: 1.0.
    pub tasks_weight: f64,
    /// Steps, learning rates and batches.
    ///
    /// The keys are those of [`TrainingConfig`] except `task_*`. Other defaults: `steps` 1000,
    /// `learning_rate` 0.0003, `max_input_length` and `max_target_length` 512, `checkpoint_every`
    /// 500. A checkpoint has three times the size of the model with AdamW, four times with the best
    /// model.
    pub training: TrainingConfig,
    /// How tasks are mixed with one another, see [`MixtureConfig`].
    pub mixture: MixtureConfig,
    /// When and how the model is evaluated.
    pub evaluation: PretrainingEvaluationConfig,
}

/// When and how the model is evaluated, and whether the best or the last one is returned.
///
/// Models are compared by the mean of the tasks' metrics on `dev` or, if no task has this split, by
/// the mean of the corpora's losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PretrainingEvaluationConfig {
    /// Number of steps between evaluations on `dev`, with one before the first step; 0 evaluates
    /// after the last step only.
    ///
    /// Default: 100.
    pub every: usize,
    /// Number of examples evaluated at a time.
    ///
    /// Default: 64; range: from 1.
    pub batch_size: usize,
    /// Whether the result is the best model on `dev` instead of the last one; it is stored in
    /// memory and in checkpoints in addition to the current one.
    ///
    /// Default: `false`.
    pub keep_best: bool,
    /// Number of evaluations without progress after which training ends early; implies `keep_best`.
    ///
    /// Range: from 1; `every` is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Difference that must be exceeded to count as progress, as a fraction for metrics or in nats
    /// for losses.
    ///
    /// Default: 0; range: from 0.
    pub min_delta: f64,
}

impl Default for PretrainingEvaluationConfig {
    fn default() -> Self {
        let EvaluationConfig { every, batch_size, patience, min_delta, .. } =
            EvaluationConfig::default();
        Self { every, batch_size, keep_best: false, patience, min_delta }
    }
}

impl PretrainingEvaluationConfig {
    /// Returns the option that requests the best model, if one does.
    pub(crate) fn keeps_best(&self) -> Option<&'static str> {
        match self {
            Self { patience: Some(_), .. } => Some("evaluation.patience"),
            Self { keep_best: true, .. } => Some("evaluation.keep_best"),
            _ => None,
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// When a value is out of range; the error names the option.
    pub fn check(&self) -> Result<()> {
        let Self { every, batch_size, patience, min_delta, .. } = *self;
        EvaluationConfig { every, batch_size, patience, min_delta, ..EvaluationConfig::default() }
            .check()
    }
}

/// A configuration file.
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
    /// Parsed by `mtpt_tasks::corpus::CorpusFile` and `mtpt_tasks::TaskFile`.
    #[serde(rename = "corpora", default)]
    _corpora: serde::de::IgnoredAny,
    #[serde(rename = "tasks", default)]
    _tasks: serde::de::IgnoredAny,
    #[serde(rename = "groups", default)]
    _groups: serde::de::IgnoredAny,
}

/// [`TrainingConfig`] with other defaults.
#[derive(Deserialize)]
#[serde(remote = "TrainingConfig", default = "training", deny_unknown_fields)]
struct Training {
    steps: usize,
    batch_size: usize,
    micro_batch_size: Option<usize>,
    learning_rate: f64,
    /// There are no task-specific parameters.
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
    /// Creates the default configuration for a model.
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

    /// Parses a configuration file, except `[[corpora]]` and `[[tasks]]`, which
    /// [`CorpusFile`](mtpt_tasks::corpus::CorpusFile) and [`TaskFile`](mtpt_tasks::TaskFile) parse.
    ///
    /// # Errors
    ///
    /// When the text is not TOML, has an unknown key or a value out of range.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Document =
            read_toml(text).map_err(|problem| ConfigError::toml(path, problem))?;
        let config = Self {
            model: document.model,
            seed: document.seed,
            dropout: document.dropout,
            tasks_weight: document.tasks_weight,
            training: document.training,
            mixture: document.mixture,
            evaluation: document.evaluation,
        };
        config.check().map_err(|error| ConfigError::in_file(path, &error))?;
        Ok(config)
    }

    /// Checks everything that can be checked without the model.
    ///
    /// # Errors
    ///
    /// When a value is out of range; the error names the option.
    pub fn check(&self) -> Result<()> {
        let found = self.tasks_weight;
        if !(found.is_finite() && found > 0.0) {
            let (option, expected) = ("tasks_weight", "positive and finite");
            return Err(ConfigError::OutOfRange { option, expected, found }.into());
        }
        self.training.check()?;
        self.evaluation.check()
    }
}
