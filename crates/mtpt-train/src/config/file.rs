//! Parsing of configuration files.

use std::path::{self, Path, PathBuf};

use mtpt_compose::CompositionConfig;
use mtpt_io::IoError;
use mtpt_tasks::{MixtureConfig, TaskId, line_of, read_toml};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use toml::{Spanned, Table};

use crate::config::backbone::BackboneConfig;
use crate::config::distillation::DistillationConfig;
use crate::config::error::ConfigError;
use crate::config::evaluation::EvaluationConfig;
use crate::config::overlay::overlay;
use crate::config::prompt::PromptConfig;
use crate::config::run::RunConfig;
use crate::config::stages::{
    AdaptationConfig, FewShotConfig, NearestConfig, StagedRunConfig, TeachersConfig,
};
use crate::config::task_parts::TaskParts;
use crate::config::training::TrainingConfig;
use crate::error::Result;

impl RunConfig {
    /// Parses a configuration file, except `[[tasks]]` and `[groups]`, which
    /// [`TaskFile`](mtpt_tasks::TaskFile) parses. Relative paths in it are relative to the file's
    /// directory.
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`] when the text is not TOML, has an unknown key or a value out of range,
    /// or configures several runs, which [`StagedRunConfig::parse`] parses.
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
}

impl StagedRunConfig {
    /// Parses a configuration file, except `[[tasks]]` and `[groups]`, which
    /// [`TaskFile`](mtpt_tasks::TaskFile) parses. Relative paths in it are relative to the file's
    /// directory.
    ///
    /// # Errors
    ///
    /// [`ConfigError::File`] when the text is not TOML, has an unknown key or a value out of range.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Document =
            read_toml(text).map_err(|problem| ConfigError::toml(path, problem))?;
        let run = RunConfig {
            model: document.model,
            backbone: document.backbone,
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
}

/// A configuration file: the fields of a [`RunConfig`], the stages around it, and tasks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    model: String,
    #[serde(default)]
    backbone: BackboneConfig,
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
    _tasks: IgnoredAny,
    #[serde(rename = "groups", default)]
    _groups: IgnoredAny,
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
    fn changed<T: Serialize + DeserializeOwned>(
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
