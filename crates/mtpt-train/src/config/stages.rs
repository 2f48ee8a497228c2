use std::path::{self, Path, PathBuf};

use mtpt_compose::CompositionConfig;
use mtpt_io::IoError;
use mtpt_tasks::{MixtureConfig, TaskId, line_of, read_toml};
use serde::{Deserialize, Serialize};
use toml::{Spanned, Table};

use crate::config::distillation::DistillationConfig;
use crate::config::error::ConfigError;
use crate::config::overlay::overlay;
use crate::config::run::at_least_one;
use crate::config::run::{EvaluationConfig, PromptConfig, RunConfig, TrainingConfig};
use crate::config::task_parts::TaskParts;
use crate::error::{Error, Result};

/// Configuration of a run and the stages around it: multitask prompt tuning (Wang et al., 2023,
/// section 3), or any part of it.
///
/// | Key | Stage |
/// |---|---|
/// | `teachers` | before the run: trains a plain prompt for each source task, see [`TeachersConfig`] |
/// | `distillation` | in the run: also trains it to match the teachers, see [`DistillationConfig`] |
/// | `adaptation` | after the run: trains target tasks starting from its prompts, see [`AdaptationConfig`] |
///
/// All other keys are those of [`RunConfig`]. Without any of these three, there is only the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StagedRunConfig {
    /// The run on the source tasks.
    #[serde(flatten)]
    pub run: RunConfig,
    /// The teachers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teachers: Option<TeachersConfig>,
    /// Distillation from the teachers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distillation: Option<DistillationConfig>,
    /// Adaptation to target tasks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<AdaptationConfig>,
}

/// A plain prompt for each source task, trained separately before the run.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `prompts` | | trained prompts of all source tasks, in any supported format, to use instead of training them |
/// | `prompt` | the run's | values of `[prompt]` that differ: `length`, `initializer` |
/// | `training` | the run's | values of `[training]` that differ |
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TeachersConfig {
    /// Trained prompts to use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PathBuf>,
    /// Length and initial values of the teachers.
    pub prompt: PromptConfig,
    /// Training of the teachers.
    pub training: TrainingConfig,
}

/// Training of target tasks that starts from the prompts of the run, without teachers.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `targets` | | names of `[[tasks]]` to adapt to, at least one |
/// | `sources` | all that are no targets | names of the `[[tasks]]` of the run; a task may be both |
/// | `together` | `false` | trains the targets jointly, including the shared parameters, instead of separately |
/// | `task_parts` | `"average"` | initial values of task-specific parameters, see [`TaskParts`] |
/// | `nearest` | | initializes from the source with the nearest prompt instead of by `task_parts`, see [`NearestConfig`] |
/// | `frozen_levels` | none | levels that are not trained, as in `[prompt]` |
/// | `training` | the run's | values of `[training]` that differ, such as `task_learning_rate` |
/// | `few_shot` | | trains on samples of a few examples, see [`FewShotConfig`] |
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdaptationConfig {
    /// Names of the target tasks.
    pub targets: Vec<TaskId>,
    /// Names of the source tasks; if none, all tasks that are not targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<TaskId>>,
    /// Whether the targets are trained jointly.
    pub together: bool,
    /// Initial values of task-specific parameters.
    pub task_parts: TaskParts,
    /// Initialization from the nearest source instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestConfig>,
    /// Levels that are not trained.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frozen_levels: Vec<usize>,
    /// Training of the targets.
    pub training: TrainingConfig,
    /// Few-shot adaptation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub few_shot: Option<FewShotConfig>,
}

/// Initialization of a target from the source task with the nearest prompt (SPoT, Vu et al., 2022,
/// section 3: "average of tokens").
///
/// A plain prompt is trained on the target for a number of steps. The mean of its vectors is compared
/// with that of every source's prompt, and the source with the highest cosine similarity is used.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `steps` | 100 | number of training steps of the plain prompt | from 1 |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NearestConfig {
    /// Number of training steps of the plain prompt.
    pub steps: usize,
}

impl Default for NearestConfig {
    fn default() -> Self {
        Self { steps: 100 }
    }
}

/// Adaptation to samples of a few examples. The prompts of the last step are evaluated on `test`, or
/// on `dev` if there is no `test`. Nothing is selected on examples outside the sample.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `rows` | `[4, 16, 32]` | numbers of examples, with separate runs for each | from 1 |
/// | `per_label` | `false` | whether the numbers are per label instead of in total | |
/// | `draws` | 10 | number of samples for each number; results have the mean and standard deviation over them | from 1 |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FewShotConfig {
    /// Numbers of examples.
    pub rows: Vec<usize>,
    /// Whether the numbers are per label.
    pub per_label: bool,
    /// Number of samples for each number of examples.
    pub draws: usize,
}

impl Default for FewShotConfig {
    fn default() -> Self {
        Self { rows: vec![4, 16, 32], per_label: false, draws: 10 }
    }
}

impl StagedRunConfig {
    /// Parses a configuration file, except `[[tasks]]` and `[groups]`, which
    /// [`TaskFile`](mtpt_tasks::TaskFile) parses. Relative paths in it are relative to the file's
    /// directory.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the file, and the line where one is known, when the text is not TOML, has an unknown key or a
    /// value out of its range.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Document =
            read_toml(text).map_err(|problem| ConfigError::toml(path, problem))?;
        let run = RunConfig {
            model: document.model,
            seed: document.seed,
            prompt: document.prompt,
            composition: document.composition,
            training: document.training,
            mixture: document.mixture,
            evaluation: document.evaluation,
        };
        let of_file = File { text, path };
        let teachers = document.teachers.map(|teachers| of_file.teachers(teachers, &run));
        let adaptation = document.adaptation.map(|adaptation| of_file.adaptation(adaptation, &run));
        let mut config = Self {
            teachers: teachers.transpose()?,
            distillation: document.distillation,
            adaptation: adaptation.transpose()?,
            run,
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        // Absolute, since runs write their configurations to other directories.
        let folder = &path::absolute(folder.join(".")).map_err(IoError::with("find", folder))?;
        config.run.prompt.resolve_paths(folder);
        if let Some(teachers) = &mut config.teachers {
            teachers.prompt.resolve_paths(folder);
            if let Some(prompts) = &mut teachers.prompts {
                *prompts = folder.join(&prompts);
            }
        }
        config.check().map_err(|error| ConfigError::in_file(path, &error))?;
        Ok(config)
    }

    /// Checks everything that can be checked without the model and the tasks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`], which names the option, under [`Error::Stage`] for one of a stage around the run.
    pub fn check(&self) -> Result<()> {
        self.run.check()?;
        if let Some(teachers) = &self.teachers {
            let run = RunConfig {
                prompt: teachers.prompt.clone(),
                training: teachers.training.clone(),
                ..self.run.clone()
            };
            run.check().map_err(|error| error.in_stage("teachers"))?;
        }
        if let Some(distillation) = &self.distillation {
            distillation.check()?;
        }
        match &self.adaptation {
            Some(adaptation) => adaptation.check(),
            None => Ok(()),
        }
    }

    /// Returns the key of the first stage around the run, if there is one.
    pub fn first_stage(&self) -> Option<&'static str> {
        let teachers = self.teachers.as_ref().map(|_| "teachers");
        let distillation = self.distillation.as_ref().map(|_| "distillation");
        teachers.or(distillation).or(self.adaptation.as_ref().map(|_| "adaptation"))
    }

    /// Returns the configuration of the teachers, if there are any. Without `[teachers]`, those of a
    /// distillation are trained with the settings of the run.
    pub fn teachers(&self) -> Option<TeachersConfig> {
        let as_the_run = || TeachersConfig::as_the_run(&self.run);
        let teachers = self.teachers.clone();
        teachers.or_else(|| self.distillation.as_ref().map(|_| as_the_run()))
    }
}

impl TeachersConfig {
    /// Creates the configuration of teachers that are trained with the settings of a run.
    pub fn as_the_run(run: &RunConfig) -> Self {
        let prompt = PromptConfig {
            length: run.prompt.length,
            initializer: run.prompt.initializer.clone(),
            ..PromptConfig::default()
        };
        Self { prompts: None, prompt, training: run.training.without_task_options() }
    }
}

impl AdaptationConfig {
    /// Creates the configuration of separate adaptation to targets with the settings of a run.
    pub fn to(targets: Vec<TaskId>, run: &RunConfig) -> Self {
        Self {
            targets,
            sources: None,
            together: false,
            task_parts: TaskParts::Average,
            nearest: None,
            frozen_levels: Vec::new(),
            training: run.training.clone(),
            few_shot: None,
        }
    }

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// When a value is out of range; the error names the option.
    pub fn check(&self) -> Result<()> {
        let in_stage = |error: Error| error.in_stage("adaptation");
        self.training.check().map_err(in_stage)?;
        let repeated = (1..self.targets.len())
            .find(|&place| self.targets[..place].contains(&self.targets[place]));
        if let Some(place) = repeated {
            return Err(ConfigError::DuplicateTarget { task: self.targets[place].clone() }.into());
        }
        if let Some(nearest) = &self.nearest {
            at_least_one(&[("adaptation.nearest.steps", nearest.steps)])?;
        }
        if let Some(few_shot) = &self.few_shot {
            at_least_one(&[
                ("adaptation.few_shot.rows", few_shot.rows.iter().copied().min().unwrap_or(0)),
                ("adaptation.few_shot.draws", few_shot.draws),
            ])?;
        }
        Ok(())
    }
}

/// A configuration file: the fields of a [`RunConfig`], the stages around it, and tasks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    model: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    prompt: PromptConfig,
    #[serde(default)]
    composition: CompositionConfig,
    #[serde(default)]
    training: TrainingConfig,
    #[serde(default)]
    mixture: MixtureConfig,
    #[serde(default)]
    evaluation: EvaluationConfig,
    teachers: Option<TeachersDocument>,
    distillation: Option<DistillationConfig>,
    adaptation: Option<AdaptationDocument>,
    /// Parsed by `mtpt_tasks::TaskFile`.
    #[serde(rename = "tasks", default)]
    _tasks: serde::de::IgnoredAny,
    #[serde(rename = "groups", default)]
    _groups: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TeachersDocument {
    prompts: Option<PathBuf>,
    prompt: Option<Spanned<Table>>,
    training: Option<Spanned<Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdaptationDocument {
    #[serde(default)]
    targets: Vec<TaskId>,
    sources: Option<Vec<TaskId>>,
    #[serde(default)]
    together: bool,
    task_parts: Option<TaskParts>,
    nearest: Option<NearestConfig>,
    #[serde(default)]
    frozen_levels: Vec<usize>,
    training: Option<Spanned<Table>>,
    few_shot: Option<FewShotConfig>,
}

/// The file being parsed, for messages.
struct File<'a> {
    text: &'a str,
    path: &'a Path,
}

impl File<'_> {
    fn teachers(&self, document: TeachersDocument, run: &RunConfig) -> Result<TeachersConfig> {
        let base = TeachersConfig::as_the_run(run);
        Ok(TeachersConfig {
            prompts: document.prompts,
            prompt: self.changed(base.prompt, document.prompt, "teachers.prompt")?,
            training: self.changed(base.training, document.training, "teachers.training")?,
        })
    }

    fn adaptation(
        &self,
        document: AdaptationDocument,
        run: &RunConfig,
    ) -> Result<AdaptationConfig> {
        let base = AdaptationConfig::to(document.targets, run);
        Ok(AdaptationConfig {
            sources: document.sources,
            together: document.together,
            task_parts: document.task_parts.unwrap_or(base.task_parts.clone()),
            nearest: document.nearest,
            frozen_levels: document.frozen_levels,
            training: self.changed(
                base.training.clone(),
                document.training,
                "adaptation.training",
            )?,
            few_shot: document.few_shot,
            ..base
        })
    }

    /// Returns the settings of a stage: those of the run with the given changes.
    fn changed<T: Serialize + serde::de::DeserializeOwned>(
        &self,
        base: T,
        changes: Option<Spanned<Table>>,
        key: &str,
    ) -> Result<T> {
        let Some(changes) = changes else { return Ok(base) };
        let line = line_of(self.text, changes.span().start);
        let changed = overlay(&base, changes.into_inner());
        Ok(changed.map_err(|problem| ConfigError::File {
            path: self.path.to_owned(),
            line: Some(line),
            message: format!("`{key}`: {problem}"),
        })?)
    }
}
