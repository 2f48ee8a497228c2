use mtpt_compose::CompositionConfig;
use mtpt_tasks::{MaxLengths, MixtureConfig};
use serde::{Deserialize, Serialize};

use crate::config::backbone::BackboneConfig;
use crate::config::error::ConfigError;
use crate::config::evaluation::EvaluationConfig;
use crate::config::prompt::PromptConfig;
use crate::config::schedule::Schedule;
use crate::config::training::TrainingConfig;
use crate::error::Result;

/// Maximum length of a prompt. No encoder processes a longer one in reasonable time, so it is
/// surely a mistake.
const MAX_PROMPT_LENGTH: usize = 10_000;

/// Configuration of a prompt tuning run, as in its TOML file.
///
/// The file also has `tasks` and `groups`, see [`TaskFile`](mtpt_tasks::TaskFile).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Directory of the frozen model, or its id on the hub.
    pub model: String,
    /// How the model computes.
    ///
    /// The default is not written, so that runs of earlier versions can be resumed.
    #[serde(default, skip_serializing_if = "BackboneConfig::is_default")]
    pub backbone: BackboneConfig,
    /// Seed of the initial values and the order of examples.
    ///
    /// Default: 0.
    #[serde(default)]
    pub seed: u64,
    /// Length and initial values of the prompt.
    #[serde(default)]
    pub prompt: PromptConfig,
    /// How a task's prompt is composed.
    ///
    /// Default: `{ strategy = "low_rank", rank = 1 }`.
    #[serde(default)]
    pub composition: CompositionConfig,
    /// Steps, learning rates and batches.
    #[serde(default)]
    pub training: TrainingConfig,
    /// How tasks are mixed.
    #[serde(default)]
    pub mixture: MixtureConfig,
    /// When and how the prompts are evaluated.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
}

impl RunConfig {
    /// Returns the default settings with a model, which is a folder or an id on the hub.
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            backbone: BackboneConfig::default(),
            seed: 0,
            prompt: PromptConfig::default(),
            composition: CompositionConfig::default(),
            training: TrainingConfig::default(),
            mixture: MixtureConfig::default(),
            evaluation: EvaluationConfig::default(),
        }
    }

    /// Checks everything that can be checked without the model.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`](crate::ConfigError::OutOfRange).
    pub fn check(&self) -> Result<()> {
        if !(1..=MAX_PROMPT_LENGTH).contains(&self.prompt.length) {
            let (option, expected) = ("prompt.length", "between 1 and 10000");
            let found = self.prompt.length as f64;
            return Err(ConfigError::OutOfRange { option, expected, found }.into());
        }
        if self.prompt.decoder_length > MAX_PROMPT_LENGTH {
            let (option, expected) = ("prompt.decoder_length", "between 0 and 10000");
            let found = self.prompt.decoder_length as f64;
            return Err(ConfigError::OutOfRange { option, expected, found }.into());
        }
        self.training.check()?;
        self.evaluation.check()
    }

    /// Returns the learning rate schedule.
    pub fn schedule(&self) -> Schedule {
        self.training.schedule()
    }

    /// Returns the maximum lengths of inputs and targets.
    pub fn max_lengths(&self) -> MaxLengths {
        self.training.max_lengths()
    }
}
