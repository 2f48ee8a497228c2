use std::path::{Path, PathBuf};

use mtpt::burn::tensor::Tensor;
use mtpt::core::{Compose, TaskIndex};
use mtpt::infer::Prompts;
use mtpt::tasks::evaluation::TaskRecord;
use mtpt::tasks::{TaskFile, Unit};

use crate::error::{Error, Result};
use crate::model::Model;
use crate::report::chart::line_chart::LineChart;
use crate::report::chart::quantity::Quantity;
use crate::report::data::mixture::{Mixtures, component_names};
use crate::report::data::nearest_tokens::{NearestToken, nearest_tokens};
use crate::report::data::parameter_tree::ParameterTree;
use crate::report::data::similarity::Similarity;
use crate::run_files::history::highest;
use crate::run_files::run_dir::RunDir;

/// The contents of a report.
pub(crate) struct ReportData<'a> {
    /// Name of the run folder.
    pub(crate) name: String,
    pub(crate) run: &'a RunDir,
    /// `None` without prompts.
    pub(crate) similarity: Option<Similarity>,
    pub(crate) mixtures: Mixtures,
    /// `None` without prompts.
    pub(crate) tree: Option<ParameterTree>,
    pub(crate) nearest: NearestTokens,
    /// Missing parts of the run, as sentences.
    pub(crate) missing: Vec<String>,
    /// The file that the report is written to.
    pub(crate) target: PathBuf,
}

/// The vocabulary tokens that are nearest to the vectors of the prompts.
pub(crate) enum NearestTokens {
    Known {
        /// Name of the model with the vocabulary.
        model: String,
        /// Nearest tokens of the first vectors of each task's prompt.
        tasks: Vec<Vec<NearestToken>>,
    },
    /// Unknown for this reason.
    Unknown(String),
}

impl<'a> ReportData<'a> {
    /// Collects the contents of a report.
    ///
    /// `target` is the file of the report. `model` is the model with its name, or the reason why
    /// there is none.
    pub(crate) fn new(
        path: &Path,
        target: &Path,
        run: &'a RunDir,
        model: Result<(String, &Model), String>,
    ) -> Result<Self> {
        let mut data = Self {
            name: folder_name(path),
            run,
            similarity: None,
            mixtures: Mixtures::default(),
            tree: None,
            nearest: NearestTokens::Unknown(
                "These prompts use a strategy of another program and cannot be composed here."
                    .into(),
            ),
            missing: Vec::new(),
            target: target.to_owned(),
        };
        data.missing = data.missing_files();
        if let Some(prompts) = &run.prompts {
            data.add_prompts(path, prompts, model)?;
        }
        if let Some(config) = &run.config {
            data.mixtures.components = component_names(&config.text);
        }
        Ok(data)
    }

    fn add_prompts(
        &mut self,
        path: &Path,
        prompts: &Prompts,
        model: Result<(String, &Model), String>,
    ) -> Result<()> {
        let composed = compose_all(prompts);
        self.similarity = Some(Similarity::new(&composed));
        self.mixtures = Mixtures::new(prompts)?;
        self.tree = Some(ParameterTree::new(prompts)?);
        self.nearest = match model {
            Ok((name, model)) => {
                self.add_mixtures_of_inputs(path, prompts, model);
                let tokenizer = model.tokenizer().ok();
                let tasks = nearest_tokens(&composed, &model.t5, tokenizer.as_ref());
                NearestTokens::Known { model: name, tasks }
            }
            Err(reason) => NearestTokens::Unknown(reason),
        };
        Ok(())
    }

    /// Adds mixtures that depend on inputs, if the data files of the run can be read.
    fn add_mixtures_of_inputs(&mut self, path: &Path, prompts: &Prompts, model: &Model) {
        let (Some(config), Ok(tokenizer)) = (&self.run.config, model.tokenizer()) else { return };
        if !prompts.composition().reads_inputs() {
            return;
        }
        let tasks = TaskFile::parse(&config.text, &path.join("config.toml"));
        let mixtures = tasks.map(TaskFile::into_tasks).map_err(Error::from).and_then(|tasks| {
            Mixtures::new(prompts)?.with_inputs(prompts, &model.t5, &tokenizer, &tasks)
        });
        match mixtures {
            Ok(mixtures) => self.mixtures = mixtures,
            Err(error) => self.missing.push(format!(
                "The component weights by input are missing, because the data cannot be read: {error}."
            )),
        }
    }

    /// Returns the best mean over tasks on `dev` and its step. `None` for a run that doesn't select
    /// its prompts by it.
    pub(crate) fn best(&self) -> Option<(usize, f64)> {
        if self.trains_model() { None } else { highest(&self.run.history.means()) }
    }

    /// Returns whether the run trained all model weights.
    pub(crate) fn trains_model(&self) -> bool {
        let has_corpora =
            self.run.config.as_ref().is_some_and(|config| config.settings.corpora.is_some());
        self.run.has_model || has_corpora
    }

    /// Returns an empty chart over the steps of the run.
    pub(crate) fn chart(&self, title: impl Into<String>, quantity: Quantity) -> LineChart {
        let selected = self.best().map(|(step, _)| step);
        LineChart { selected, ..LineChart::new(title, quantity, self.run.history.last_step()) }
    }

    /// Returns the quantity of the mean over tasks.
    pub(crate) fn score_quantity(&self) -> Quantity {
        Quantity::Metric(self.run.history.score_unit())
    }

    /// Returns whether the mean over tasks is over metrics with different units.
    pub(crate) fn has_several_units(&self) -> bool {
        let mut units = self.run.history.score_metrics().map(Unit::of);
        let first = units.next();
        units.any(|unit| Some(unit) != first)
    }

    /// Returns the evaluation of a task with the saved prompts.
    pub(crate) fn evaluation_of(&self, task: &str) -> Option<&'a TaskRecord> {
        self.run.evaluation.as_ref()?.tasks.iter().find(|evaluation| evaluation.task == task)
    }

    /// Returns whether the run consists of stages, which are runs in subfolders.
    pub(crate) fn has_only_nested_runs(&self) -> bool {
        self.run.history.steps.is_empty() && !self.run.nested.runs.is_empty()
    }

    /// Returns the names of the tasks: those of the prompts or of the configuration, then any
    /// others in the history.
    pub(crate) fn tasks(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match (&self.run.header, &self.run.config) {
            (Some(header), _) => header.tasks.iter().map(|task| task.name.as_str()).collect(),
            (None, Some(config)) => {
                let corpora = config.settings.corpora.iter().flatten();
                let entries = corpora.chain(&config.settings.tasks);
                entries.map(|entry| entry.name.as_str()).collect()
            }
            (None, None) => Vec::new(),
        };
        for name in self.run.history.tasks() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn missing_files(&self) -> Vec<String> {
        let run = self.run;
        let mut missing = Vec::new();
        if run.config.is_none() {
            missing.push("config.toml is missing, so the run's settings are unknown.".to_owned());
        }
        if self.has_only_nested_runs() {
            return missing;
        }
        if run.history.steps.is_empty() {
            missing
                .push("metrics.jsonl is missing or has no steps, so there are no curves.".into());
        } else if run.history.results.is_empty() {
            missing.push("Nothing has been evaluated on dev yet.".into());
        } else if run.evaluation.is_none() && run.is_over && !self.trains_model() {
            missing.push(
                "evaluation.json is missing, so baselines, values per label and predictions are \
                 unknown. `mtpt train` writes this file at the end of a run."
                    .into(),
            );
        }
        match (&run.header, self.best()) {
            (None, _) if self.trains_model() => {}
            (None, _) => missing.push(
                "prompts.safetensors is missing: the run has not saved any prompts yet.".into(),
            ),
            (Some(header), Some((step, _))) if step != header.steps => missing.push(format!(
                "prompts.safetensors is from step {}, but the best step in metrics.jsonl is {step}. \
                 The files may belong to different runs.",
                header.steps
            )),
            (Some(_), _) => {}
        }
        missing
    }
}

/// Returns the name of a folder; that of the working directory for `.`.
pub(crate) fn folder_name(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    absolute.file_name().unwrap_or(absolute.as_os_str()).to_string_lossy().into_owned()
}

/// Returns the prompts of all tasks, each of shape `[prompt_length, d_model]`.
fn compose_all(prompts: &Prompts) -> Vec<Tensor<2>> {
    let composition = prompts.composition();
    let tasks = (0..composition.task_count()).map(TaskIndex::new);
    tasks.map(|task| composition.compose(task)).collect()
}
