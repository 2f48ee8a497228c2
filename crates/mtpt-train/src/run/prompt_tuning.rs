use std::borrow::Cow;
use std::path::{Path, PathBuf};

use mtpt_compose::Composition;
use mtpt_core::{Backbone, Compose};
use mtpt_infer::{PromptHeader, PromptTask, Prompted, Prompts, TaskData};
use mtpt_io::fs::read;
use mtpt_tasks::evaluation::{BaselinesRecord, EvaluationRecord};
use mtpt_tasks::{Batch, Mixture, Split, Task, TokenizedExample};
use serde_json::json;

use crate::config::evaluation::EvaluationConfig;
use crate::config::prompt::PromptConfig;
use crate::config::run::RunConfig;
use crate::data::micro_batches::micro_batches;
use crate::error::Result;
use crate::objective::loss::Objective;
use crate::objective::prompt_tuning::PromptTuning;
use crate::output::results::{read_record, write_record};
use crate::output::run_dir::RunDir;
use crate::run::evaluation_policy::{EvaluationPolicy, FirstEvaluation};
use crate::run::identity::RunIdentity;
use crate::run::observer::{EvaluationEvent, MeanEvent, Observer};
use crate::run::requirements::{check_decoder_length, check_examples, check_task_options};
use crate::run::results::{DevEvaluation, SPLIT, evaluate_baselines};
use crate::run::session::{Completed, Output, Session, Settings, Workload};
use crate::run::trainer::Trainer;

/// Result of prompt tuning.
#[derive(Clone, Debug)]
pub struct Trained<C = Composition> {
    /// The best prompts by the mean of the tasks' metrics on `dev`, or those of the last step if no
    /// task has a `dev` split.
    pub prompts: Prompts<C>,
    /// The step that they are from.
    pub step: usize,
    /// Mean of the tasks' metrics on `dev` at that step, as a fraction.
    pub score: Option<f64>,
    /// Step after which the run ended, if it ended early for lack of progress
    /// ([`EvaluationConfig::patience`](crate::EvaluationConfig)).
    pub stopped_early: Option<usize>,
}

/// A run that trains the prompts of several tasks together on a frozen model.
///
/// Every step takes its examples from the mixture of tasks. After every `evaluation.every` steps
/// and after the last one, the tasks are evaluated on `dev` and the best prompts so far are stored.
/// A run with patience ends after that many evaluations without progress. With an
/// [`output`](Self::output), the run's directory contains the best prompts so far, the metrics and
/// the newest checkpoints.
///
/// ```no_run
/// # use mtpt_compose::Composition;
/// # use mtpt_core::Backbone;
/// # use mtpt_infer::TaskData;
/// # use mtpt_train::{PromptTuningRun, RunConfig};
/// # fn train(
/// #     config: &RunConfig, data: &[TaskData], model: &impl Backbone, start: Composition,
/// # ) -> mtpt_train::Result<()> {
/// let trained = PromptTuningRun::new(config, data, model).output("runs/first").train(start)?;
/// println!("best at step {}: {:?}", trained.step, trained.score);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PromptTuningRun<'a, B, O = PromptTuning<'a, B>, L = ()> {
    config: &'a RunConfig,
    data: &'a [TaskData],
    backbone: &'a B,
    objective: O,
    output: Option<PathBuf>,
    resume: bool,
    observer: L,
}

impl<'a, B: Backbone> PromptTuningRun<'a, B> {
    /// Creates a run that minimizes the negative log-likelihood of the targets, writes nothing and
    /// reports to no one.
    pub fn new(config: &'a RunConfig, data: &'a [TaskData], backbone: &'a B) -> Self {
        let objective = PromptTuning::new(backbone);
        Self { config, data, backbone, objective, output: None, resume: false, observer: () }
    }
}

impl<'a, B: Backbone, O, L> PromptTuningRun<'a, B, O, L> {
    /// Sets the loss to minimize, such as [`Distillation`](crate::Distillation).
    ///
    /// The tasks are evaluated with the prompts alone, whatever the objective is.
    #[must_use]
    pub fn objective<N>(self, objective: N) -> PromptTuningRun<'a, B, N, L> {
        let Self { config, data, backbone, output, resume, observer, .. } = self;
        PromptTuningRun { config, data, backbone, objective, output, resume, observer }
    }

    /// Sets the directory to write to. It is created if it does not exist.
    ///
    /// The results of an earlier run in it are replaced, unless the run [resumes](Self::resume).
    #[must_use]
    pub fn output(self, dir: impl AsRef<Path>) -> Self {
        Self { output: Some(dir.as_ref().to_owned()), ..self }
    }

    /// Sets whether to resume from the newest checkpoint in the output directory, if there is one.
    #[must_use]
    pub fn resume(self, resume: bool) -> Self {
        Self { resume, ..self }
    }

    /// Sets the observer that events are reported to.
    #[must_use]
    pub fn observer<N: Observer>(self, observer: N) -> PromptTuningRun<'a, B, O, N> {
        let Self { config, data, backbone, objective, output, resume, .. } = self;
        PromptTuningRun { config, data, backbone, objective, output, resume, observer }
    }

    /// Trains a composition and returns the best prompts.
    ///
    /// The composition may be of any type that implements [`Compose`]. The header of its prompt
    /// file then has the configuration's strategy, such as `strategy = "own"`, and
    /// [`Prompts::read_as`] reads it.
    ///
    /// # Errors
    ///
    /// When a value of the configuration is out of range ([`ConfigError::OutOfRange`]), a task has
    /// no training example ([`DataError::NoTrainingExamples`]), `evaluation.patience` is set but no
    /// task has a `dev` split ([`ConfigError::NoDev`]), a `training.task_*` option is set but the
    /// composition has no task-specific parameters ([`ConfigError::NoTaskParameters`]), the
    /// composition has another number of vectors for the decoder than the configuration
    /// ([`ConfigError::DecoderLength`]), the prompts do not fit the model
    /// ([`mtpt_infer::Error::Width`]), a loss or gradient is not finite ([`Error::NotFinite`]; the
    /// state before that step is stored in a checkpoint), a file cannot be written ([`Error::Io`]),
    /// a checkpoint is of another run ([`CheckpointError::OtherRun`]) or none is intact
    /// ([`CheckpointError::NoneIntact`]), or another run writes to the directory
    /// ([`CheckpointError::InUse`]); those of the objective and the observer, and
    /// [`Error::Stopped`] when the observer ends the run.
    ///
    /// [`ConfigError::OutOfRange`]: crate::ConfigError::OutOfRange
    /// [`ConfigError::NoDev`]: crate::ConfigError::NoDev
    /// [`ConfigError::DecoderLength`]: crate::ConfigError::DecoderLength
    /// [`ConfigError::NoTaskParameters`]: crate::ConfigError::NoTaskParameters
    /// [`DataError::NoTrainingExamples`]: crate::DataError::NoTrainingExamples
    /// [`CheckpointError::OtherRun`]: crate::CheckpointError::OtherRun
    /// [`CheckpointError::NoneIntact`]: crate::CheckpointError::NoneIntact
    /// [`CheckpointError::InUse`]: crate::CheckpointError::InUse
    /// [`Error::NotFinite`]: crate::Error::NotFinite
    /// [`Error::Io`]: crate::Error::Io
    /// [`Error::Stopped`]: crate::Error::Stopped
    pub fn train<C: Compose>(mut self, composition: C) -> Result<Trained<C>>
    where
        O: Objective<C>,
        L: Observer,
    {
        let Self { config, data, backbone, .. } = self;
        config.check()?;
        Prompted::new(backbone, &composition)?;
        check_examples(data, config)?;
        check_task_options(config, &composition)?;
        check_decoder_length(config, &composition)?;
        let sizes: Vec<usize> = data.iter().map(|task| task.count(Split::Train)).collect();
        let mixture = Mixture::new(&config.mixture, &sizes, config.seed)?;
        let tasks = data.iter().map(|data| data.task().id().clone()).collect();
        let optimizer = &config.training.optimizer;
        let mut trainer = Trainer::new(composition, optimizer, config.schedule(), tasks);
        if let Some((_, options)) = config.training.task_options() {
            trainer = trainer.with_group(C::task_parameters, options);
        }
        let identity = RunIdentity::of_run(config, data, trainer.module())?;
        let resume = self.resume;
        let output = self.output.as_deref().map(RunDir::create).transpose()?;
        let objective = self.objective;
        let baselines = BaselinesRecord { split: SPLIT.to_string(), tasks: Vec::new() };
        let identity = identity.with_objective(objective.identity()).to_value()?;
        let workload = PromptTuningWorkload {
            objective,
            config,
            data,
            backbone,
            mixture,
            baselines,
            is_repeated: false,
        };
        let mut evaluation = EvaluationPolicy::from(&config.evaluation);
        // Only a run with an output compares its results with baselines.
        let has_dev = workload.dev_tasks().next().is_some();
        if config.evaluation.before && output.is_some() && has_dev {
            evaluation.first = FirstEvaluation::Baseline;
        }
        let settings = Settings {
            evaluation,
            checkpoint_every: config.training.checkpoint_every,
            identity,
            output: output.map(|dir| Output { dir, resume }),
        };
        let session = Session::start(workload, trainer, settings, &mut self.observer)?;
        let (workload, completed) = session.run(&mut self.observer)?;
        let Completed { module, step, score, stopped_early, .. } = completed;
        Ok(Trained { prompts: workload.prompts(module, step), step, score, stopped_early })
    }
}

impl From<&EvaluationConfig> for EvaluationPolicy {
    fn from(config: &EvaluationConfig) -> Self {
        let EvaluationConfig { every, patience, min_delta, .. } = *config;
        Self { every, first: FirstEvaluation::None, keep_best: true, patience, min_delta }
    }
}

struct PromptTuningWorkload<'a, B, O> {
    objective: O,
    config: &'a RunConfig,
    data: &'a [TaskData],
    backbone: &'a B,
    mixture: Mixture,
    /// Baselines of the tasks with a `dev` split.
    baselines: BaselinesRecord,
    /// Whether an earlier process completed a run with the same configuration.
    is_repeated: bool,
}

impl<'a, B: Backbone, O> PromptTuningWorkload<'a, B, O> {
    /// Returns the tasks that have a `dev` split.
    fn dev_tasks(&self) -> impl Iterator<Item = &'a TaskData> + use<'a, B, O> {
        self.data.iter().filter(|data| !data.rows(SPLIT).is_empty())
    }

    fn prompts<C: Compose>(&self, composition: C, step: usize) -> Prompts<C> {
        let tasks = self.data.iter().map(|data| PromptTask::new(data.task())).collect();
        let d_model = composition.d_model();
        let PromptConfig { length, decoder_length, .. } = self.config.prompt;
        let mut header = PromptHeader::new(self.config.composition.clone(), length, d_model, tasks);
        header.decoder_length = decoder_length;
        header.model.clone_from(&self.config.model);
        header.weights = self.backbone.weight_format();
        header.max_input_length = self.config.training.max_input_length;
        header.max_target_length = self.config.training.max_target_length;
        header.steps = step;
        Prompts::new(composition, header)
    }
}

impl<B: Backbone, O: Objective<C>, C: Compose> Workload<C> for PromptTuningWorkload<'_, B, O> {
    type Objective = O;
    type Evaluation = DevEvaluation;

    fn objective(&self) -> &O {
        &self.objective
    }

    fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.data.iter().map(TaskData::task)
    }

    fn batches(&self, _composition: &C, step: usize) -> Result<Vec<Batch>> {
        let training = &self.config.training;
        let picks = self.mixture.batch(step as u64, training.batch_size);
        let rows = picks.iter().map(|pick| self.data[pick.task].row(Split::Train, pick.row));
        let rows = rows.collect::<mtpt_infer::Result<Vec<Cow<'_, TokenizedExample>>>>()?;
        let numbers = picks.iter().map(|pick| pick.row);
        let rows: Vec<_> = numbers.zip(rows.iter().map(Cow::as_ref)).collect();
        let size = training.micro_batch_size.unwrap_or(training.batch_size);
        micro_batches(&rows, size)
    }

    fn has_dev(&self) -> bool {
        self.dev_tasks().next().is_some()
    }

    fn evaluate(
        &self,
        composition: &C,
        step: usize,
        observer: &mut impl Observer,
    ) -> Result<Option<DevEvaluation>> {
        let mut results = DevEvaluation::default();
        for (position, data) in self.dev_tasks().enumerate() {
            if position > 0 && observer.stop() {
                return Ok(None);
            }
            let task = data.task().id();
            observer.status(&format!("evaluating {task}"));
            let prompted = Prompted::new(self.backbone, composition)?;
            let evaluation = results.add(&prompted, data, self.config.evaluation.batch_size)?;
            for ((metric, value), score) in evaluation.values().iter().zip(evaluation.scores()) {
                let (split, metric, value) = (SPLIT.as_str(), metric.name(), *value);
                observer.evaluation(&EvaluationEvent {
                    step,
                    split,
                    task,
                    metric,
                    value,
                    score,
                })?;
            }
        }
        Ok(Some(results))
    }

    fn score(&self, evaluation: &DevEvaluation) -> Option<f64> {
        evaluation.mean()
    }

    fn report_score(&self, event: &MeanEvent<'_>, observer: &mut impl Observer) -> Result<()> {
        observer.mean(event)
    }

    fn write_config(&mut self, dir: &RunDir) -> Result<()> {
        let read = || read(&dir.config()).ok();
        let before = read();
        dir.write_config(self.config, self.data.iter().map(TaskData::task))?;
        self.is_repeated = dir.outcome().is_file() && before == read();
        Ok(())
    }

    /// Otherwise the prompts of an earlier run would pass for those of this one if it ended before
    /// it has any.
    fn remove_results(&self, dir: &RunDir) -> Result<()> {
        dir.remove_prompts()
    }

    fn save(&self, composition: &C, step: usize, dir: &RunDir) -> Result<()> {
        Ok(self.prompts(composition.clone(), step).write(&dir.prompts())?)
    }

    /// Evaluates the baselines, or reads those that an earlier process wrote, which include the
    /// evaluation before the first step.
    fn prepare(
        &mut self,
        dir: &RunDir,
        steps_done: usize,
        observer: &mut impl Observer,
    ) -> Result<()> {
        let written = if steps_done > 0 { read_record(&dir.baselines())? } else { None };
        self.baselines = match written {
            Some(baselines) => baselines,
            None => {
                observer.status("evaluating baselines");
                let baselines =
                    evaluate_baselines(self.dev_tasks(), self.config.evaluation.baseline)?;
                write_record(&dir.baselines(), &baselines)?;
                baselines
            }
        };
        observer.baselines(&self.baselines)
    }

    fn set_before(&mut self, evaluation: &DevEvaluation, dir: &RunDir) -> Result<()> {
        evaluation.add_to(&mut self.baselines);
        write_record(&dir.baselines(), &self.baselines)
    }

    fn write_outcome(
        &self,
        completed: &Completed<C, DevEvaluation>,
        dir: &RunDir,
        observer: &mut impl Observer,
    ) -> Result<()> {
        let Completed { module, step, score, evaluation, stopped_early } = completed;
        if evaluation.is_none()
            && self.is_repeated
            && let Ok(Some(record)) = read_record::<EvaluationRecord>(&dir.evaluation())
            && record.step == *step
        {
            return observer.results(&record);
        }
        // An earlier process may have evaluated these prompts.
        let repeated = match evaluation {
            Some(_) => None,
            None => self.evaluate(module, *step, &mut ())?,
        };
        let evaluation = evaluation.as_ref().or(repeated.as_ref());
        let tasks = self.dev_tasks();
        let record = evaluation
            .map(|results| results.record(self.config, tasks, &self.baselines, *step))
            .transpose()?;
        if let Some(record) = record {
            write_record(&dir.evaluation(), &record)?;
            observer.results(&record)?;
        }
        let outcome = json!({ "step": step, "score": score, "stopped_early": stopped_early });
        write_record(&dir.outcome(), &outcome)
    }
}
