use std::path::{Path, PathBuf};

use mtpt_compose::CompositionConfig;
use mtpt_tasks::{MaxLengths, MixtureConfig};
use serde::{Deserialize, Serialize};

use crate::config::error::ConfigError;
use crate::config::optimizer::OptimizerConfig;
use crate::config::optimizer::{above_zero, not_negative, positive};
use crate::config::schedule::{Decay, Schedule};
use crate::config::stages::StagedRunConfig;
use crate::config::task_parts::TaskParts;
use crate::error::Result;
use crate::optim::parameter_group::GroupOptions;

/// Configuration of a prompt tuning run, as in its TOML file.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `model` | | directory of the frozen model, or its id on the hub |
/// | `seed` | 0 | seed of the initial values and the order of examples |
/// | `prompt` | | see [`PromptConfig`] |
/// | `composition` | `{ strategy = "low_rank", rank = 1 }` | see [`CompositionConfig`] |
/// | `training` | | see [`TrainingConfig`] |
/// | `mixture` | | see [`MixtureConfig`] |
/// | `evaluation` | | see [`EvaluationConfig`] |
/// | `tasks`, `groups` | | see [`TaskFile`](mtpt_tasks::TaskFile) |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Directory of the frozen model, or its id on the hub.
    pub model: String,
    /// Seed of the initial values and the order of examples.
    #[serde(default)]
    pub seed: u64,
    /// Length and initial values of the prompt.
    #[serde(default)]
    pub prompt: PromptConfig,
    /// How a task's prompt is composed.
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

/// Length and initial values of the prompt.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `length` | 20 | number of vectors of the shared prompt | 1 to 10,000 |
/// | `initializer` | `{ kind = "sampled_vocabulary" }` | initial values, see [`InitializerConfig`] | |
/// | `components` | `initializer`, sampled for each | initial values of the components of an attention, in order, such as trained prompts of other tasks | at most as many as there are |
/// | `start_from` | | a prompt file to start from: shared parameters, and those of groups of the same name, are initialized from it | same composition and length |
/// | `task_parts` | `"own"` | initial values of task-specific parameters with `start_from`, see [`TaskParts`] | |
/// | `frozen_levels` | none | levels that are not trained: 0 is the root with the shared prompt; without a hierarchy, 1 is the tasks | not all |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptConfig {
    /// Number of vectors of the shared prompt, at least 1.
    pub length: usize,
    /// Initial values of the shared prompt, and of task-specific parts that don't derive from it.
    pub initializer: InitializerConfig,
    /// Initial values of an attention's components; components beyond the list use `initializer`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<InitializerConfig>,
    /// Prompts to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<PathBuf>,
    /// Initial values of task-specific parameters when starting from prompts.
    #[serde(skip_serializing_if = "TaskParts::is_default")]
    pub task_parts: TaskParts,
    /// Levels that are not trained.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frozen_levels: Vec<usize>,
}

impl Default for PromptConfig {
    fn default() -> Self {
        Self {
            length: 20,
            initializer: InitializerConfig::default(),
            components: Vec::new(),
            start_from: None,
            task_parts: TaskParts::default(),
            frozen_levels: Vec::new(),
        }
    }
}

impl PromptConfig {
    /// Makes relative paths relative to a directory.
    pub(crate) fn resolve_paths(&mut self, dir: &Path) {
        self.files_mut().for_each(|path| *path = dir.join(&*path));
    }

    /// Returns the files that prompts are initialized from.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let initializers = self.components.iter().chain([&self.initializer]);
        initializers.filter_map(InitializerConfig::file).chain(self.start_from.as_deref())
    }

    /// Clears the paths of files, for comparing configurations by the contents of the files.
    pub(crate) fn without_files(mut self) -> Self {
        self.files_mut().for_each(|path| *path = PathBuf::new());
        self
    }

    fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let initializers = self.components.iter_mut().chain([&mut self.initializer]);
        initializers.filter_map(InitializerConfig::file_mut).chain(&mut self.start_from)
    }
}

/// Initial values of prompts: `initializer = { kind = "text", text = "classify this" }`.
///
/// [`Initializer`](mtpt_core::Initializer) has the details.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum InitializerConfig {
    /// Values sampled uniformly from `[-range, range)`.
    RandomUniform {
        /// Maximum magnitude, 0.5 by default as in Lester et al. (2021), section 3.2.
        #[serde(default = "half")]
        range: f64,
    },
    /// Embeddings of tokens sampled from the first `population` of the vocabulary, or from all of it.
    SampledVocabulary {
        /// Number of tokens to sample from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        population: Option<usize>,
    },
    /// Embeddings of a text's tokens without the end-of-sequence token, repeated to the prompt's
    /// length.
    Text {
        /// The text.
        text: String,
    },
    /// Embeddings of the label words: of all tasks for a shared part, of one task for its part.
    ClassLabels {
        /// Number of tokens that vectors beyond the labels are sampled from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        population: Option<usize>,
    },
    /// Values of a prompt of `google-research/prompt-tuning` (`.npy`) or of a tensor in a safetensors
    /// file: 32-bit floats `[length, d_model]`, with the length of the prompt.
    File {
        /// The file, relative to the directory of the configuration.
        path: PathBuf,
        /// The tensor, if the file has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tensor: Option<String>,
    },
    /// The prompt of one task of trained prompts, in any supported format, with the length of the
    /// prompt.
    Prompts {
        /// The prompt file or directory, relative to the directory of the configuration.
        path: PathBuf,
        /// The task, if there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
    },
}

impl InitializerConfig {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } | Self::Prompts { path, .. } => Some(path),
            _ => None,
        }
    }

    fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::File { path, .. } | Self::Prompts { path, .. } => Some(path),
            _ => None,
        }
    }
}

fn half() -> f64 {
    0.5
}

impl Default for InitializerConfig {
    fn default() -> Self {
        Self::SampledVocabulary { population: None }
    }
}

/// Steps, learning rates and batches of training.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `steps` | 300 | number of optimizer steps | from 1 |
/// | `batch_size` | 32 | number of examples per step | from 1 |
/// | `micro_batch_size` | `batch_size` | number of examples computed at a time; a smaller number needs less memory for the same result | from 1 |
/// | `learning_rate` | 0.3 | highest learning rate | above 0 |
/// | `task_learning_rate` | `learning_rate` | highest learning rate of task-specific parameters, [`Compose::task_parameters`](mtpt_core::Compose::task_parameters) | above 0 |
/// | `task_weight_decay` | the optimizer's | weight decay of task-specific parameters | from 0 |
/// | `task_clip_norm` | | maximum norm of the gradient of task-specific parameters, which are then clipped separately from the others; if not set, all parameters are clipped together by the optimizer's `clip_norm` | above 0 |
/// | `warmup_steps` | 0 | number of steps in which the learning rate rises from 0 | below `steps` |
/// | `decay` | `linear` | decay after the warm-up, see [`Decay`] | `linear`, `constant`, `cosine`, `inverse_square_root` |
/// | `optimizer` | | see [`OptimizerConfig`] | |
/// | `max_input_length` | 256 | maximum length of inputs in tokens, without the prompt | from 1 |
/// | `max_target_length` | 32 | maximum length of targets in tokens | from 1 |
/// | `checkpoint_every` | 100 | number of steps between checkpoints; 0 writes none | |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Number of optimizer steps.
    pub steps: usize,
    /// Number of examples per step.
    pub batch_size: usize,
    /// Number of examples computed at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch_size: Option<usize>,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Highest learning rate of task-specific parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_learning_rate: Option<f64>,
    /// Weight decay of task-specific parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_weight_decay: Option<f32>,
    /// Maximum norm of the gradient of task-specific parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_clip_norm: Option<f64>,
    /// Number of steps in which the learning rate rises from 0.
    pub warmup_steps: usize,
    /// Decay after the warm-up.
    pub decay: Decay,
    /// Maximum length of inputs, in tokens.
    pub max_input_length: usize,
    /// Maximum length of targets, in tokens.
    pub max_target_length: usize,
    /// Number of steps between checkpoints.
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

/// When and how the prompts are evaluated.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `every` | 100 | number of steps between evaluations on `dev`; 0 evaluates after the last step only | |
/// | `batch_size` | 64 | number of examples evaluated at a time | from 1 |
/// | `patience` | | number of evaluations on `dev` without progress in the mean of the tasks' metrics, after which training ends early | from 1; `every` is not 0 |
/// | `min_delta` | 0 | difference of means, as a fraction, that must be exceeded to count as progress | from 0 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Number of steps between evaluations.
    pub every: usize,
    /// Number of examples evaluated at a time.
    pub batch_size: usize,
    /// Number of evaluations without progress after which training ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Difference that must be exceeded to count as progress.
    pub min_delta: f64,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { every: 100, batch_size: 64, patience: None, min_delta: 0.0 }
    }
}

impl EvaluationConfig {
    /// Checks every value.
    ///
    /// # Errors
    ///
    /// When a value is out of range; the error names the option.
    pub fn check(&self) -> Result<()> {
        let patience = self.patience.unwrap_or(1);
        at_least_one(&[
            ("evaluation.batch_size", self.batch_size),
            ("evaluation.patience", patience),
        ])?;
        if self.patience.is_some() && self.every == 0 {
            let expected = "at least 1 where `evaluation.patience` is given";
            return Err(ConfigError::OutOfRange {
                option: "evaluation.every",
                expected,
                found: 0.0,
            }
            .into());
        }
        not_negative("evaluation.min_delta", self.min_delta)
    }
}

/// Maximum length of a prompt. No encoder processes a longer one in reasonable time, so it is surely a
/// mistake.
const MAX_PROMPT_LENGTH: usize = 10_000;

/// Rejects counts of 0.
pub(crate) fn at_least_one(counts: &[(&'static str, usize)]) -> Result<()> {
    match counts.iter().find(|(_, count)| *count == 0) {
        Some(&(option, _)) => {
            Err(ConfigError::OutOfRange { option, expected: "at least 1", found: 0.0 }.into())
        }
        None => Ok(()),
    }
}

impl RunConfig {
    /// Parses a configuration file, except `[[tasks]]` and `[groups]`, which
    /// [`TaskFile`](mtpt_tasks::TaskFile) parses. Relative paths in it are relative to the file's
    /// directory.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the file, and the line where one is known, when the text is not TOML, has an unknown key or a
    /// value out of its range, or tells of several runs, which [`StagedRunConfig::parse`] reads.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let staged = StagedRunConfig::parse(text, path)?;
        match staged.first_stage() {
            None => Ok(staged.run),
            Some(key) => Err(ConfigError::File {
                path: path.to_owned(),
                line: None,
                message: format!("expected a single run, found the stage `{key}`; remove it"),
            }
            .into()),
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
