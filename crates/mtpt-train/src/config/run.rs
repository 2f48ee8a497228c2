use std::path::{Path, PathBuf};

use mtpt_compose::CompositionConfig;
use mtpt_tasks::{MaxLengths, MixtureConfig};
use serde::{Deserialize, Serialize};

use crate::config::optimizer::OptimizerConfig;
use crate::config::optimizer::{above_zero, not_negative, positive};
use crate::config::schedule::{Decay, Schedule};
use crate::config::stages::StagedRunConfig;
use crate::config::task_parts::TaskParts;
use crate::error::{Error, Result};
use crate::optim::trainer::GroupOptions;

/// Everything that a training run is made from, as a TOML file says it.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `model` | | folder of the frozen model, or its id on the hub |
/// | `seed` | 0 | seed of first values and of the order of rows |
/// | `prompt` | | see [`PromptConfig`] |
/// | `composition` | `{ strategy = "low_rank", rank = 1 }` | see [`CompositionConfig`] |
/// | `training` | | see [`TrainingConfig`] |
/// | `mixture` | | see [`MixtureConfig`] |
/// | `evaluation` | | see [`EvaluationConfig`] |
/// | `tasks`, `groups` | | see [`TaskFile`](mtpt_tasks::TaskFile) |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Folder of the frozen model, or its id on the hub.
    pub model: String,
    /// Seed of first values and of the order of rows.
    #[serde(default)]
    pub seed: u64,
    /// The prompt's length and first values.
    #[serde(default)]
    pub prompt: PromptConfig,
    /// How a task's prompt is composed.
    #[serde(default)]
    pub composition: CompositionConfig,
    /// Steps, rates and batches.
    #[serde(default)]
    pub training: TrainingConfig,
    /// How tasks are mixed.
    #[serde(default)]
    pub mixture: MixtureConfig,
    /// When and how the learned is judged.
    #[serde(default)]
    pub evaluation: EvaluationConfig,
}

/// The prompt's length and first values.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `length` | 20 | vectors of the shared prompt | 1 to 10,000 |
/// | `initializer` | `{ kind = "sampled_vocabulary" }` | first values, see [`InitializerConfig`] | |
/// | `components` | `initializer`, drawn anew for each | first values of the prompts that an attention mixes, in their order, such as trained prompts of other tasks | at most as many as there are |
/// | `start_from` | | a prompt file to go on from: what is shared, and the parts of groups of the same name, begin at its values | same composition and length |
/// | `task_parts` | `"own"` | where parts of tasks begin with `start_from`, see [`TaskParts`] | |
/// | `frozen_levels` | none | levels that are not trained: 0 is the root, with the shared prompt; without a hierarchy, 1 is the tasks | not all |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptConfig {
    /// Vectors of the shared prompt, at least 1.
    pub length: usize,
    /// Where its first values come from, and those of tasks' own parts that do not follow from the shared one.
    pub initializer: InitializerConfig,
    /// Where the first values of an attention's components come from; those beyond the list as `initializer` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<InitializerConfig>,
    /// Prompts to go on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<PathBuf>,
    /// Where the parts of tasks begin with prompts to go on from.
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
    /// The same with relative paths that begin at a folder.
    pub(crate) fn in_folder(&mut self, folder: &Path) {
        self.files_mut().for_each(|path| *path = folder.join(&*path));
    }

    /// The files that prompts begin at.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let initializers = self.components.iter().chain([&self.initializer]);
        initializers.filter_map(InitializerConfig::file).chain(self.start_from.as_deref())
    }

    /// The same whatever the files are: what counts is what they hold.
    pub(crate) fn without_files(mut self) -> Self {
        self.files_mut().for_each(|path| *path = PathBuf::new());
        self
    }

    fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let initializers = self.components.iter_mut().chain([&mut self.initializer]);
        initializers.filter_map(InitializerConfig::file_mut).chain(&mut self.start_from)
    }
}

/// Where the first values of prompts come from: `initializer = { kind = "text", text = "classify this" }`.
///
/// What each does is told at [`Initializer`](mtpt_core::Initializer).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum InitializerConfig {
    /// Numbers drawn evenly from `[-range, range)`.
    RandomUniform {
        /// Largest magnitude, 0.5 by default as in Lester et al. (2021), section 3.2.
        #[serde(default = "half")]
        range: f64,
    },
    /// Embeddings of tokens drawn from the first `population` of the vocabulary, or from all of it.
    SampledVocabulary {
        /// Number of tokens to draw from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        population: Option<usize>,
    },
    /// Embeddings of a text's tokens without the end of sentence, repeated until the prompt is full.
    Text {
        /// The text.
        text: String,
    },
    /// Embeddings of the label words: of all tasks for a shared part, of a task's own for its part.
    ClassLabels {
        /// Number of tokens that vectors beyond the labels are drawn from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        population: Option<usize>,
    },
    /// Values from a prompt of `google-research/prompt-tuning` (`.npy`) or from a tensor of a safetensors file: 32-bit floats
    /// `[length, d_model]`, as many vectors as the prompt has.
    File {
        /// The file; a relative path begins at the folder of the configuration.
        path: PathBuf,
        /// The tensor, where the file holds several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tensor: Option<String>,
    },
    /// The prompt of a task out of learned prompts, in any form that prompts are read in: as many vectors as the prompt has.
    Prompts {
        /// The prompt file, or a folder of another program; a relative path begins at the folder of the configuration.
        path: PathBuf,
        /// The task, where there are several.
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

/// Steps, rates and batches of training.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `steps` | 300 | steps of the optimizer | from 1 |
/// | `batch_size` | 32 | rows of a step | from 1 |
/// | `micro_batch_size` | `batch_size` | rows computed at a time; smaller needs less memory, for the same step | from 1 |
/// | `learning_rate` | 0.3 | highest rate | above 0 |
/// | `task_learning_rate` | `learning_rate` | highest rate of what each task owns, [`Compose::task_parameters`](mtpt_core::Compose::task_parameters) | above 0 |
/// | `task_weight_decay` | the optimizer's | weight decay of what each task owns | from 0 |
/// | `task_clip_norm` | | largest norm of the gradient of what tasks own, which is then clipped by itself, and the rest by the optimizer's `clip_norm`; without it, all is clipped together | above 0 |
/// | `warmup_steps` | 0 | steps in which the rate rises from 0 | below `steps` |
/// | `decay` | `linear` | what follows, see [`Decay`] | `linear`, `constant`, `cosine`, `inverse_square_root` |
/// | `optimizer` | | see [`OptimizerConfig`] | |
/// | `max_input_length` | 256 | longest input in tokens, the prompt not counted | from 1 |
/// | `max_target_length` | 32 | longest target in tokens | from 1 |
/// | `checkpoint_every` | 100 | steps between checkpoints; 0 writes none | |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Steps of the optimizer.
    pub steps: usize,
    /// Rows of a step.
    pub batch_size: usize,
    /// Rows computed at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_batch_size: Option<usize>,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Highest learning rate of what each task owns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_learning_rate: Option<f64>,
    /// Weight decay of what each task owns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_weight_decay: Option<f32>,
    /// Largest norm of the gradient of what tasks own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_clip_norm: Option<f64>,
    /// Steps in which the rate rises from 0.
    pub warmup_steps: usize,
    /// What follows the warm-up.
    pub decay: Decay,
    /// Longest input, in tokens.
    pub max_input_length: usize,
    /// Longest target, in tokens.
    pub max_target_length: usize,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// The optimizer's numbers and clipping.
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
    /// Checks every number.
    ///
    /// # Errors
    ///
    /// When one is out of its range, which the error names.
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
            return Err(Error::OutOfRange { option, expected, found });
        }
        positive("training.learning_rate", self.learning_rate)?;
        positive("training.task_learning_rate", self.task_learning_rate.unwrap_or(1.0))?;
        not_negative("training.task_weight_decay", self.task_weight_decay.unwrap_or(0.0))?;
        above_zero("training.task_clip_norm", self.task_clip_norm.unwrap_or(1.0))?;
        self.optimizer.check()
    }

    /// The learning rate of each step.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            warmup_steps: self.warmup_steps,
            steps: self.steps,
            decay: self.decay,
        }
    }

    /// The learning rate in each step of what each task owns, where it differs.
    pub fn task_schedule(&self) -> Option<Schedule> {
        let peak = self.task_learning_rate?;
        Some(Schedule { peak, ..self.schedule() })
    }

    /// What that has of its own, and one of the options that say so; none where it is as everything else.
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

    /// The same for prompts that share nothing.
    pub(crate) fn without_task_options(&self) -> Self {
        Self {
            task_learning_rate: None,
            task_weight_decay: None,
            task_clip_norm: None,
            ..self.clone()
        }
    }

    /// Longest input and target.
    pub fn max_lengths(&self) -> MaxLengths {
        MaxLengths { input: self.max_input_length, target: self.max_target_length }
    }
}

/// When and how the learned is judged.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `every` | 100 | steps between evaluations on `dev`; 0 evaluates after the last step alone | |
/// | `batch_size` | 64 | rows scored at a time | from 1 |
/// | `patience` | | evaluations on `dev` without a better mean of the tasks' metrics, after which training ends before its last step | from 1; `every` is not 0 |
/// | `min_delta` | 0 | by more than how much a mean, a fraction, must be above the last one that was better, to be better | from 0 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Steps between evaluations.
    pub every: usize,
    /// Rows scored at a time.
    pub batch_size: usize,
    /// Evaluations without progress, after which training ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// What is more than this is progress.
    pub min_delta: f64,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self { every: 100, batch_size: 64, patience: None, min_delta: 0.0 }
    }
}

impl EvaluationConfig {
    /// Checks every number.
    ///
    /// # Errors
    ///
    /// When one is out of its range, which the error names.
    pub fn check(&self) -> Result<()> {
        let patience = self.patience.unwrap_or(1);
        at_least_one(&[
            ("evaluation.batch_size", self.batch_size),
            ("evaluation.patience", patience),
        ])?;
        if self.patience.is_some() && self.every == 0 {
            let expected = "at least 1 where `evaluation.patience` is given";
            return Err(Error::OutOfRange { option: "evaluation.every", expected, found: 0.0 });
        }
        not_negative("evaluation.min_delta", self.min_delta)
    }
}

/// A length beyond which a prompt is surely a mistake: no encoder reads it in reasonable time.
const LONGEST_PROMPT: usize = 10_000;

/// Refuses counts of nothing.
pub(crate) fn at_least_one(counts: &[(&'static str, usize)]) -> Result<()> {
    match counts.iter().find(|(_, count)| *count == 0) {
        Some(&(option, _)) => Err(Error::OutOfRange { option, expected: "at least 1", found: 0.0 }),
        None => Ok(()),
    }
}

impl RunConfig {
    /// Reads the text of a configuration file, all but its `[[tasks]]` and `[groups]`, which are [`TaskFile`](mtpt_tasks::TaskFile)'s; the
    /// path is for messages, and where relative paths of files begin.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the file, and the line where one is known, when the text is not TOML, has an unknown key or a
    /// value out of its range, or tells of several runs, which [`StagedRunConfig::parse`] reads.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let staged = StagedRunConfig::parse(text, path)?;
        match staged.first_stage() {
            None => Ok(staged.run),
            Some(key) => Err(Error::Config {
                path: path.to_owned(),
                line: None,
                message: format!("`{key}` makes more than one run of it; expected one alone"),
            }),
        }
    }

    /// Checks what can be checked without the model.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], which names the option.
    pub fn check(&self) -> Result<()> {
        if !(1..=LONGEST_PROMPT).contains(&self.prompt.length) {
            let (option, expected) = ("prompt.length", "between 1 and 10000");
            let found = self.prompt.length as f64;
            return Err(Error::OutOfRange { option, expected, found });
        }
        self.training.check()?;
        self.evaluation.check()
    }

    /// The learning rate of each step.
    pub fn schedule(&self) -> Schedule {
        self.training.schedule()
    }

    /// Longest input and target.
    pub fn max_lengths(&self) -> MaxLengths {
        self.training.max_lengths()
    }
}
