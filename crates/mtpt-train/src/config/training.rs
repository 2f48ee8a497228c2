use mtpt_tasks::MaxLengths;
use serde::{Deserialize, Serialize};

use crate::config::error::ConfigError;
use crate::config::optimizer::OptimizerConfig;
use crate::config::range::{
    MILLION, STEPS, above_zero, at_least_one, at_most, not_negative, positive,
};
use crate::config::schedule::{Decay, Schedule};
use crate::error::Result;
use crate::optim::parameter_group::GroupOptions;

/// Steps, learning rates and batches of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Number of optimizer steps.
    ///
    /// Default: 300; range: 1 to 1,000,000,000.
    pub steps: usize,
    /// Number of examples per step.
    ///
    /// Default: 32; range: 1 to 1,000,000.
    pub batch_size: usize,
    /// Number of examples computed at a time; a smaller number needs less memory for the same
    /// result.
    ///
    /// Default: `batch_size`; range: from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch_size: Option<usize>,
    /// Highest learning rate.
    ///
    /// Default: 0.3; range: above 0.
    pub learning_rate: f64,
    /// Highest learning rate of task-specific parameters,
    /// [`Compose::task_parameters`](mtpt_core::Compose::task_parameters).
    ///
    /// Default: `learning_rate`; range: above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_learning_rate: Option<f64>,
    /// Weight decay of task-specific parameters.
    ///
    /// Default: the optimizer's; range: from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_weight_decay: Option<f32>,
    /// Maximum norm of the gradient of task-specific parameters, which are then clipped separately
    /// from the others; if not set, all parameters are clipped together by the optimizer's
    /// `clip_norm`.
    ///
    /// Range: above 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_clip_norm: Option<f64>,
    /// Number of steps in which the learning rate rises from 0.
    ///
    /// Default: 0; range: below `steps`.
    pub warmup_steps: usize,
    /// Decay after the warm-up, see [`Decay`].
    ///
    /// Default: `linear`; range: `linear`, `constant`, `cosine`, `inverse_square_root`.
    pub decay: Decay,
    /// Maximum length of inputs in tokens, without the prompt.
    ///
    /// Default: 256; range: 1 to 1,000,000.
    pub max_input_length: usize,
    /// Maximum length of targets in tokens.
    ///
    /// Default: 32; range: 1 to 1,000,000.
    pub max_target_length: usize,
    /// Number of steps between checkpoints; 0 writes none.
    ///
    /// Default: 100.
    pub checkpoint_every: usize,
    /// Settings of the optimizer.
    pub optimizer: OptimizerConfig,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            steps: 300,
            batch_size: 32,
            micro_batch_size: None,
            learning_rate: 0.3,
            task_learning_rate: None,
            task_weight_decay: None,
            task_clip_norm: None,
            warmup_steps: 0,
            decay: Decay::Linear,
            max_input_length: 256,
            max_target_length: 32,
            checkpoint_every: 100,
            optimizer: OptimizerConfig::default(),
        }
    }
}

impl TrainingConfig {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// When a value is out of range; the error names the option.
    pub fn check(&self) -> Result<()> {
        at_least_one(&[
            ("training.steps", self.steps),
            ("training.batch_size", self.batch_size),
            ("training.micro_batch_size", self.micro_batch_size.unwrap_or(1)),
            ("training.max_input_length", self.max_input_length),
            ("training.max_target_length", self.max_target_length),
        ])?;
        at_most(&[("training.steps", self.steps)], STEPS)?;
        let sizes = [
            ("training.batch_size", self.batch_size),
            ("training.max_input_length", self.max_input_length),
            ("training.max_target_length", self.max_target_length),
        ];
        at_most(&sizes, MILLION)?;
        if self.warmup_steps >= self.steps {
            let (option, expected) = ("training.warmup_steps", "below `training.steps`");
            let found = self.warmup_steps as f64;
            return Err(ConfigError::OutOfRange { option, expected, found }.into());
        }
        positive("training.learning_rate", self.learning_rate)?;
        positive("training.task_learning_rate", self.task_learning_rate.unwrap_or(1.0))?;
        not_negative("training.task_weight_decay", self.task_weight_decay.unwrap_or(0.0))?;
        above_zero("training.task_clip_norm", self.task_clip_norm.unwrap_or(1.0))?;
        self.optimizer.check()
    }

    /// Returns the learning rate schedule.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            warmup_steps: self.warmup_steps,
            steps: self.steps,
            decay: self.decay,
        }
    }

    /// Returns the learning rate schedule of task-specific parameters, if it differs.
    pub fn task_schedule(&self) -> Option<Schedule> {
        let peak = self.task_learning_rate?;
        Some(Schedule { peak, ..self.schedule() })
    }

    /// Returns the optimizer settings of task-specific parameters and the first option that sets
    /// one, or none if no option does.
    pub(crate) fn task_options(&self) -> Option<(&'static str, GroupOptions)> {
        let given = [
            ("training.task_learning_rate", self.task_learning_rate.is_some()),
            ("training.task_weight_decay", self.task_weight_decay.is_some()),
            ("training.task_clip_norm", self.task_clip_norm.is_some()),
        ];
        let (option, _) = given.into_iter().find(|(_, given)| *given)?;
        let options = GroupOptions {
            schedule: self.task_schedule(),
            weight_decay: self.task_weight_decay,
            clip_norm: self.task_clip_norm,
        };
        Some((option, options))
    }

    /// Clears the settings of task-specific parameters, for prompts without shared parameters.
    pub(crate) fn without_task_options(&self) -> Self {
        Self {
            task_learning_rate: None,
            task_weight_decay: None,
            task_clip_norm: None,
            ..self.clone()
        }
    }

    /// Returns the maximum lengths of inputs and targets.
    pub fn max_lengths(&self) -> MaxLengths {
        MaxLengths { input: self.max_input_length, target: self.max_target_length }
    }
}
