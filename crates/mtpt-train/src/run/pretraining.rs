use std::path::{Path, PathBuf};

use burn::module::Module;
use mtpt_core::Backbone;
use mtpt_infer::{Prompted, TaskData};
use mtpt_tasks::corpus::CorpusConfig;
use mtpt_tasks::{Batch, Mixture, Split, Task, TaskConfig, TaskId};
use serde::Serialize;

use crate::config::error::ConfigError;
use crate::config::pretraining::{PretrainingConfig, PretrainingEvaluationConfig};
use crate::data::micro_batches::micro_batches;
use crate::data::pretraining_data::PretrainingData;
use crate::error::Result;
use crate::objective::fine_tuning::{FullFineTuning, mean_loss};
use crate::output::run_dir::RunDir;
use crate::run::evaluation_policy::{EvaluationPolicy, FirstEvaluation};
use crate::run::identity::RunIdentity;
use crate::run::observer::{EvaluationEvent, Observer};
use crate::run::session::{Completed, Output, Session, Settings, Workload};
use crate::run::trainer::Trainer;

/// Result of continued pretraining.
#[derive(Clone, Debug)]
pub struct Pretrained<M> {
    /// The model after the last step, or the best one on `dev` if the configuration asks for it,
    /// without autodiff.
    pub model: M,
    /// The step that it is from.
    pub step: usize,
    /// Its mean loss per target token of `dev`, in nats, for each task and corpus that has this
    /// split.
    pub losses: Vec<(TaskId, f64)>,
    /// Mean of the tasks' metrics on `dev`, as a fraction, if a task has this split.
    pub score: Option<f64>,
    /// Step after which the run ended, if it ended early for lack of progress.
    pub stopped_early: Option<usize>,
}

/// A run that continues the training of all weights of a model: on text, by span corruption and
/// prefix language modelling (Raffel et al., 2020; "LM adaptation", Lester et al., 2021), and on
/// the examples of tasks.
///
/// The examples of a step, including how a corpus' text is corrupted, and its dropout are functions
/// of seed and step. Before the first step, after every `evaluation.every` steps and after the last
/// one, the loss on `dev` is measured, and tasks are evaluated by their metrics without a prompt.
/// With an [`output`](Self::output), the run's directory contains the configuration, the metrics
/// and the newest checkpoints. Writing the trained model to [`RunDir::model`] is left to the
/// caller.
#[derive(Debug)]
pub struct PretrainingRun<'a, L = ()> {
    config: &'a PretrainingConfig,
    data: &'a PretrainingData,
    output: Option<PathBuf>,
    resume: bool,
    observer: L,
}

impl<'a> PretrainingRun<'a> {
    /// Creates a run that writes nothing and reports to no one.
    pub fn new(config: &'a PretrainingConfig, data: &'a PretrainingData) -> Self {
        Self { config, data, output: None, resume: false, observer: () }
    }
}

impl<'a, L> PretrainingRun<'a, L> {
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
    pub fn observer<N: Observer>(self, observer: N) -> PretrainingRun<'a, N> {
        let Self { config, data, output, resume, .. } = self;
        PretrainingRun { config, data, output, resume, observer }
    }

    /// Trains a model and returns the last one, or the best one so far if the configuration asks
    /// for it: by the mean of the tasks' metrics or, without any, of the losses.
    ///
    /// # Errors
    ///
    /// When a value of the configuration is out of range, the best model is asked for but nothing
    /// has a `dev` split ([`ConfigError::NoDev`]), a loss or gradient is not finite
    /// ([`Error::NotFinite`](crate::Error::NotFinite); the state before that step is stored in a
    /// checkpoint), a file cannot be written, a checkpoint is of another run or none is intact,
    /// another run writes to the directory
    /// ([`CheckpointError::InUse`](crate::CheckpointError::InUse)), or the observer ends the run
    /// ([`Error::Stopped`](crate::Error::Stopped)).
    ///
    /// # Panics
    ///
    /// When the model is not on a device with autodiff.
    pub fn train<M: Module + Backbone>(mut self, model: M) -> Result<Pretrained<M>>
    where
        L: Observer,
    {
        let Self { config, data, .. } = self;
        config.check()?;
        let mixture = data.mixture(config)?;
        let workload = PretrainingWorkload { config, data, mixture };
        if let Some(option) = config.evaluation.keeps_best()
            && !Workload::<M>::has_dev(&workload)
        {
            return Err(ConfigError::NoDev { option }.into());
        }
        // Dropout is inactive in a module that requires no gradients when it is frozen, and stays
        // so when gradients are required again.
        let model = if config.dropout { model } else { model.freeze() }.set_require_grad(true);
        let training = &config.training;
        let names = data.names().to_vec();
        let trainer = Trainer::new(model, &training.optimizer, training.schedule(), names);
        let resume = self.resume;
        let output = self.output.as_deref().map(RunDir::create).transpose()?;
        let settings = Settings {
            evaluation: EvaluationPolicy::from(&config.evaluation),
            checkpoint_every: training.checkpoint_every,
            identity: RunIdentity::of_text_and_tasks(config, data)?.to_value()?,
            output: output.map(|dir| Output { dir, resume }),
        };
        let session = Session::start(workload, trainer, settings, &mut self.observer)?;
        let (workload, completed) = session.run(&mut self.observer)?;
        let Completed { module: model, step, evaluation, stopped_early, .. } = completed;
        // An earlier process may have evaluated this model: its values are in the log.
        let evaluation = match evaluation {
            Some(evaluation) => Some(evaluation),
            None => workload.evaluate(&model, step, &mut ())?,
        };
        let DevEvaluation { losses, score } = evaluation.unwrap_or_default();
        Ok(Pretrained { model, step, losses, score, stopped_early })
    }
}

impl From<&PretrainingEvaluationConfig> for EvaluationPolicy {
    fn from(config: &PretrainingEvaluationConfig) -> Self {
        let PretrainingEvaluationConfig { every, patience, min_delta, .. } = *config;
        let (before_first_step, keep_best) = (every > 0, config.keeps_best().is_some());
        let first =
            if before_first_step { FirstEvaluation::Candidate } else { FirstEvaluation::None };
        Self { every, first, keep_best, patience, min_delta }
    }
}

struct PretrainingWorkload<'a> {
    config: &'a PretrainingConfig,
    data: &'a PretrainingData,
    mixture: Mixture,
}

/// Result of an evaluation on `dev`.
#[derive(Default)]
struct DevEvaluation {
    /// Mean loss per target token of each task and corpus.
    losses: Vec<(TaskId, f64)>,
    /// Mean of the tasks' metrics, if there are any.
    score: Option<f64>,
}

/// The resolved configuration.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    config: &'a PretrainingConfig,
    corpora: Vec<&'a CorpusConfig>,
    tasks: Vec<&'a TaskConfig>,
}

impl<M: Module + Backbone> Workload<M> for PretrainingWorkload<'_> {
    type Objective = FullFineTuning;
    type Evaluation = DevEvaluation;

    fn objective(&self) -> &FullFineTuning {
        &FullFineTuning
    }

    fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.data.tasks().iter().map(TaskData::task)
    }

    fn batches(&self, model: &M, step: usize) -> Result<Vec<Batch>> {
        if self.config.dropout {
            // The dropout masks of a step must not depend on where the run was resumed.
            let seed = self.config.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Backbone::device(model).seed(seed.wrapping_add(step as u64));
        }
        let training = &self.config.training;
        let rows = self.data.rows(&self.mixture, self.config, step)?;
        let rows: Vec<_> = rows.iter().map(|(number, row)| (*number, row.as_ref())).collect();
        let size = training.micro_batch_size.unwrap_or(training.batch_size);
        micro_batches(&rows, size)
    }

    fn has_dev(&self) -> bool {
        (0..self.data.names().len()).any(|position| !self.data.dev_rows(position).is_empty())
    }

    fn evaluate(
        &self,
        model: &M,
        step: usize,
        observer: &mut impl Observer,
    ) -> Result<Option<DevEvaluation>> {
        let batch_size = self.config.evaluation.batch_size;
        let split = Split::Dev;
        let (mut losses, mut means) = (Vec::new(), Vec::new());
        for (position, task) in self.data.names().iter().enumerate() {
            let rows = self.data.dev_rows(position);
            if rows.is_empty() {
                continue;
            }
            if !losses.is_empty() && observer.stop() {
                return Ok(None);
            }
            observer.status(&format!("evaluating {task}"));
            let mut report = |metric: &str, value: f64, score: f64| {
                let split = split.as_str();
                observer.evaluation(&EvaluationEvent { step, split, task, metric, value, score })
            };
            let loss = mean_loss(model, &rows, batch_size)?;
            report(EvaluationEvent::LOSS, loss, loss)?;
            losses.push((task.clone(), loss));
            if let Some(data) = self.data.tasks().get(position) {
                let evaluation = Prompted::plain(model).evaluate(data, split, batch_size)?;
                for ((metric, value), score) in evaluation.values().iter().zip(evaluation.scores())
                {
                    report(metric.name(), *value, score)?;
                }
                means.push(evaluation.mean());
            }
        }
        let score = (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64);
        Ok(Some(DevEvaluation { losses, score }))
    }

    fn score(&self, evaluation: &DevEvaluation) -> Option<f64> {
        let DevEvaluation { losses, score } = evaluation;
        let loss = || {
            let sum: f64 = losses.iter().map(|(_, loss)| loss).sum();
            (!losses.is_empty()).then(|| -sum / losses.len() as f64)
        };
        score.or_else(loss)
    }

    fn write_config(&mut self, dir: &RunDir) -> Result<()> {
        let corpora = self.data.corpora().iter().map(|corpus| corpus.corpus().config()).collect();
        let tasks = self.data.tasks().iter().map(TaskData::task).map(Task::config).collect();
        dir.write(&Document { config: self.config, corpora, tasks })
    }
}
