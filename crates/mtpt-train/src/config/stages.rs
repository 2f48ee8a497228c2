use std::path::{self, Path, PathBuf};

use mtpt_compose::CompositionConfig;
use mtpt_tasks::{MixtureConfig, TaskId, line_of, read_toml};
use serde::{Deserialize, Serialize};
use toml::{Spanned, Table};

use crate::config::distillation::DistillationConfig;
use crate::config::overlay::overlay;
use crate::config::run::at_least_one;
use crate::config::run::{EvaluationConfig, PromptConfig, RunConfig, TrainingConfig};
use crate::config::task_parts::TaskParts;
use crate::error::{Error, Result};

/// A run and the stages around it: multitask prompt tuning as a whole (Wang et al., 2023, section 3), or any part of it.
///
/// | Key | Stage |
/// |---|---|
/// | `teachers` | before the run: a plain prompt for each source task, see [`TeachersConfig`] |
/// | `distillation` | in the run: it learns from the teachers, too, see [`DistillationConfig`] |
/// | `adaptation` | after the run: target tasks begin at what was learned, see [`AdaptationConfig`] |
///
/// All other keys are those of [`RunConfig`]. Without any of these three, the run is all there is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StagedRunConfig {
    /// The run on the source tasks: the shared prompt and what each task owns.
    #[serde(flatten)]
    pub run: RunConfig,
    /// Where teachers come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teachers: Option<TeachersConfig>,
    /// What is learned from them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distillation: Option<DistillationConfig>,
    /// How targets begin and learn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptation: Option<AdaptationConfig>,
}

/// A plain prompt for each source task, learned by itself before the run.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `prompts` | | prompts that were learned before, of all source tasks, in any form that prompts are read in; none are learned then |
/// | `prompt` | the run's | values of `[prompt]` that differ: `length`, `initializer` |
/// | `training` | the run's | values of `[training]` that differ |
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TeachersConfig {
    /// Prompts that were learned before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompts: Option<PathBuf>,
    /// The teachers' length and first values.
    pub prompt: PromptConfig,
    /// The teachers' training.
    pub training: TrainingConfig,
}

/// Target tasks that begin at what the run learned, and learn on without teachers.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `targets` | | names of `[[tasks]]` to adapt to, at least one |
/// | `sources` | all that are no targets | names of the `[[tasks]]` that the run learns; a task may be both |
/// | `together` | `false` | targets share what they begin at and learn it on together, instead of each by itself |
/// | `task_parts` | `"average"` | where the targets' own parts begin, see [`TaskParts`] |
/// | `nearest` | | the source whose prompt is nearest to one that is learned for the target takes the place of `task_parts`, see [`NearestConfig`] |
/// | `frozen_levels` | none | levels that targets do not train, as in `[prompt]` |
/// | `training` | the run's | values of `[training]` that differ, such as `task_learning_rate` |
/// | `few_shot` | | learn from a few rows, drawn several times, see [`FewShotConfig`] |
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdaptationConfig {
    /// Names of the target tasks.
    pub targets: Vec<TaskId>,
    /// Names of the source tasks; without them, all that are no targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<TaskId>>,
    /// Targets share what they begin at.
    pub together: bool,
    /// Where the targets' own parts begin.
    pub task_parts: TaskParts,
    /// Begin at the nearest source instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestConfig>,
    /// Levels that targets do not train.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frozen_levels: Vec<usize>,
    /// The targets' training.
    pub training: TrainingConfig,
    /// A few rows, drawn several times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub few_shot: Option<FewShotConfig>,
}

/// A target's part begins at the source task whose prompt is nearest (SPoT, Vu et al., 2022, section 3: "average of tokens"):
/// a plain prompt is learned on the target for some steps, its vectors are averaged, and so are those of every source; the
/// largest cosine decides.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `steps` | 100 | steps in which the plain prompt is learned | from 1 |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NearestConfig {
    /// Steps of the plain prompt.
    pub steps: usize,
}

impl Default for NearestConfig {
    fn default() -> Self {
        Self { steps: 100 }
    }
}

/// Adaptation to a few rows, drawn several times: the prompts of the last step are judged on `test`, or on `dev` where there is
/// no `test`; no other row than those drawn chooses anything.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `rows` | `[4, 16, 32]` | numbers of rows, each an adaptation of its own | from 1 |
/// | `per_label` | `false` | as many rows of each label instead of in all | |
/// | `draws` | 10 | draws for each number: figures are means over them, with their deviation | from 1 |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FewShotConfig {
    /// Numbers of rows.
    pub rows: Vec<usize>,
    /// As many of each label.
    pub per_label: bool,
    /// Draws for each number.
    pub draws: usize,
}

impl Default for FewShotConfig {
    fn default() -> Self {
        Self { rows: vec![4, 16, 32], per_label: false, draws: 10 }
    }
}

impl StagedRunConfig {
    /// Reads the text of a configuration file, all but its `[[tasks]]` and `[groups]`, which are [`TaskFile`](mtpt_tasks::TaskFile)'s; the
    /// path is for messages, and where relative paths of files begin.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with the file, and the line where one is known, when the text is not TOML, has an unknown key or a
    /// value out of its range.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Document = read_toml(text).map_err(|problem| Error::toml(path, problem))?;
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
        // Whole paths: what a run writes down is read from wherever it lies.
        let failed = |source| Error::File { action: "find", path: folder.to_owned(), source };
        let folder = &path::absolute(folder.join(".")).map_err(failed)?;
        config.run.prompt.in_folder(folder);
        if let Some(teachers) = &mut config.teachers {
            teachers.prompt.in_folder(folder);
            if let Some(prompts) = &mut teachers.prompts {
                *prompts = folder.join(&prompts);
            }
        }
        config.check().map_err(|error| error.in_config(path))?;
        Ok(config)
    }

    /// Checks what can be checked without the model and the tasks.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], which names the option, under [`Error::Stage`] for one of a stage around the run.
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

    /// The key of the first stage around the run, if there is one.
    pub fn first_stage(&self) -> Option<&'static str> {
        let teachers = self.teachers.as_ref().map(|_| "teachers");
        let distillation = self.distillation.as_ref().map(|_| "distillation");
        teachers.or(distillation).or(self.adaptation.as_ref().map(|_| "adaptation"))
    }

    /// Where teachers come from, if there are any: those of a distillation are learned as the run learns, unless it is told.
    pub fn teachers(&self) -> Option<TeachersConfig> {
        let as_the_run = || TeachersConfig::as_the_run(&self.run);
        let teachers = self.teachers.clone();
        teachers.or_else(|| self.distillation.as_ref().map(|_| as_the_run()))
    }
}

impl TeachersConfig {
    /// Teachers that learn as the run does.
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
    /// Adaptation to some targets, each by itself, that learn as the run does.
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

    /// Checks every number.
    ///
    /// # Errors
    ///
    /// When one is out of its range, which the error names.
    pub fn check(&self) -> Result<()> {
        let in_stage = |error: Error| error.in_stage("adaptation");
        self.training.check().map_err(in_stage)?;
        let repeated = (1..self.targets.len())
            .find(|&place| self.targets[..place].contains(&self.targets[place]));
        if let Some(place) = repeated {
            return Err(Error::TwiceTarget { task: self.targets[place].clone() });
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

/// A configuration file as it is written: what a [`RunConfig`] holds, the stages around it, and the tasks beside it.
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
    /// Read by `mtpt_tasks::TaskFile`, which knows the lines.
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

/// A file that is read, for messages.
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

    /// A stage's values: those of the run but for those that are told.
    fn changed<T: Serialize + serde::de::DeserializeOwned>(
        &self,
        base: T,
        changes: Option<Spanned<Table>>,
        key: &str,
    ) -> Result<T> {
        let Some(changes) = changes else { return Ok(base) };
        let line = line_of(self.text, changes.span().start);
        overlay(&base, changes.into_inner()).map_err(|problem| Error::Config {
            path: self.path.to_owned(),
            line: Some(line),
            message: format!("`{key}`: {problem}"),
        })
    }
}
