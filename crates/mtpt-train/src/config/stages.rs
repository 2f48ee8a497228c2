use std::path::PathBuf;

use mtpt_tasks::TaskId;
use serde::{Deserialize, Serialize};

use crate::config::distillation::DistillationConfig;
use crate::config::error::ConfigError;
use crate::config::prompt::PromptConfig;
use crate::config::range::{MILLION, STEPS, at_least_one, at_most};
use crate::config::run::RunConfig;
use crate::config::task_parts::TaskParts;
use crate::config::training::TrainingConfig;
use crate::error::{Error, Result};

/// Configuration of a run and the stages around it: multitask prompt tuning (Wang et al., 2023,
/// section 3), or any part of it.
///
/// In a file, the keys are those of [`RunConfig`] and `teachers`, `distillation`, `adaptation`.
/// Without any of these three, there is only the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StagedRunConfig {
    /// The run on the source tasks.
    #[serde(flatten)]
    pub run: RunConfig,
    /// Before the run: trains a plain prompt for each source task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teachers: Option<TeachersConfig>,
    /// In the run: also trains it to match the teachers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distillation: Option<DistillationConfig>,
    /// After the run: trains target tasks starting from its prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<AdaptationConfig>,
}

/// A plain prompt for each source task, trained separately before the run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TeachersConfig {
    /// Trained prompts of all source tasks, in any supported format, to use instead of training
    /// them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PathBuf>,
    /// Values of `[prompt]` that differ: `length`, `initializer`.
    ///
    /// Default: the run's.
    pub prompt: PromptConfig,
    /// Values of `[training]` that differ.
    ///
    /// Default: the run's.
    pub training: TrainingConfig,
}

/// Training of target tasks that starts from the prompts of the run, without teachers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdaptationConfig {
    /// Names of `[[tasks]]` to adapt to, at least one.
    pub targets: Vec<TaskId>,
    /// Names of the `[[tasks]]` of the run; a task may be both.
    ///
    /// Default: all that are no targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<TaskId>>,
    /// Whether the targets are trained jointly, including the shared parameters.
    ///
    /// Default: `false`.
    pub together: bool,
    /// Initial values of task-specific parameters, see [`TaskParts`].
    ///
    /// Default: `"average"`.
    pub task_parts: TaskParts,
    /// Initialize from the source with the nearest prompt instead of by `task_parts`, see
    /// [`NearestConfig`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestConfig>,
    /// Levels that are not trained, as in `[prompt]`.
    ///
    /// Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frozen_levels: Vec<usize>,
    /// Values of `[training]` that differ, such as `task_learning_rate`.
    ///
    /// Default: the run's.
    pub training: TrainingConfig,
    /// Trains on samples of a few examples, see [`FewShotConfig`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub few_shot: Option<FewShotConfig>,
}

/// Initialization of a target from the source task with the nearest prompt (SPoT, Vu et al., 2022,
/// section 3: "average of tokens").
///
/// A plain prompt is trained on the target for a number of steps. The mean of its vectors is
/// compared with that of every source's prompt, and the source with the highest cosine similarity
/// is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NearestConfig {
    /// Number of training steps of the plain prompt.
    ///
    /// Default: 100; range: from 1.
    pub steps: usize,
}

impl Default for NearestConfig {
    fn default() -> Self {
        Self { steps: 100 }
    }
}

/// Adaptation to samples of a few examples. The prompts of the last step are evaluated on `test`,
/// or on `dev` if there is no `test`. Nothing is selected on examples outside the sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FewShotConfig {
    /// Numbers of examples, with separate runs for each.
    ///
    /// Default: `[4, 16, 32]`; range: from 1.
    pub rows: Vec<usize>,
    /// Whether the numbers are per label instead of in total.
    ///
    /// Default: `false`.
    pub per_label: bool,
    /// Number of samples for each number; results have the mean and standard deviation over them.
    ///
    /// Default: 10; range: from 1.
    pub draws: usize,
}

impl Default for FewShotConfig {
    fn default() -> Self {
        Self { rows: vec![4, 16, 32], per_label: false, draws: 10 }
    }
}

impl StagedRunConfig {
    /// Checks everything that can be checked without the model and the tasks.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`], in an [`Error::InStage`] if the option is one of a stage.
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

    /// Returns the configuration of the teachers, if there are any. Without `[teachers]`, those of
    /// a distillation are trained with the settings of the run.
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
            decoder_length: run.prompt.decoder_length,
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
            let steps = [("adaptation.nearest.steps", nearest.steps)];
            at_least_one(&steps)?;
            at_most(&steps, STEPS)?;
        }
        if let Some(few_shot) = &self.few_shot {
            at_least_one(&[
                ("adaptation.few_shot.rows", few_shot.rows.iter().copied().min().unwrap_or(0)),
                ("adaptation.few_shot.draws", few_shot.draws),
            ])?;
            at_most(&[("adaptation.few_shot.draws", few_shot.draws)], MILLION)?;
        }
        Ok(())
    }
}
