use std::borrow::Cow;
use std::path::PathBuf;

use mtpt_compose::Composition;
use mtpt_core::{Backbone, Compose};
use mtpt_io::fs::write_atomic;
use mtpt_tasks::{Mixture, Split, TokenBatch, TokenizedExample};
use serde_json::json;

use crate::config::run::RunConfig;
use crate::config::schedule::is_due;
use crate::data::micro_batches::micro_batches;
use crate::error::{Error, Result, error_line};
use crate::objective::{Objective, PromptTuning};
use crate::optim::trainer::Trainer;
use crate::output::checkpoint::{Best, is_done};
use crate::output::checkpoints::Checkpoints;
use crate::output::run_dir::RunFolder;
use crate::run::check::{check_rows, check_task_options};
use crate::run::identity::RunIdentity;
use crate::run::non_finite::NotFinite;
use crate::run::non_finite::is_finite;
use crate::run::observer::{EvaluationEvent, MeanEvent, Observer};
use crate::run::progress::Progress;
use mtpt_infer::{PromptHeader, PromptTask, Prompts, TaskData};
use mtpt_infer::{check_width, evaluate};

/// Where a run writes, and whether it goes on from what is there; if not, it takes the place of an earlier run.
#[derive(Clone, Debug)]
pub struct Output {
    /// The run's folder.
    pub folder: RunFolder,
    /// Go on from the newest checkpoint, if there is one.
    pub resume: bool,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Trained<C = Composition> {
    /// The best prompts on the mean of the tasks' metrics on `dev`; those of the last step, if no task has a `dev` split.
    pub prompts: Prompts<C>,
    /// The step that they are from.
    pub step: usize,
    /// That mean, as a fraction.
    pub score: Option<f64>,
    /// The step that the run ended after, if that was before its last one, for want of progress
    /// ([`EvaluationConfig::patience`](crate::EvaluationConfig)).
    pub stopped_early: Option<usize>,
}

/// Learns the prompts of several tasks together on a frozen model.
///
/// Every step takes its rows from the mixture of tasks. At the steps that the configuration tells, and after the last, the
/// tasks are judged on `dev`, and the best prompts so far are kept. A run with patience ends after as many evaluations without
/// progress. With an output, the run's folder always holds the best prompts, the metrics and the newest checkpoints.
///
/// The composition may be any that implements [`Compose`]: the prompt file's header then says what the configuration does,
/// such as `strategy = "own"`, and [`Prompts::read_as`] reads it.
///
/// # Errors
///
/// When a number of the configuration is out of its range ([`Error::OutOfRange`]), a task has no row to learn from
/// ([`Error::NoTrainingRows`]), patience has no `dev` to judge by ([`Error::NoDev`]), tasks should have a learning rate, weight
/// decay or clipping and own nothing ([`Error::NoTaskParameters`]), the prompts do not fit the model ([`mtpt_infer::Error::Width`]), a loss or
/// gradient is not finite ([`Error::NotFinite`]; the state before that step is kept in a checkpoint), a file cannot be written
/// ([`Error::File`]), a checkpoint is of another run ([`Error::Resume`]) or none is whole ([`Error::NoWholeCheckpoint`]), or
/// another run writes to the folder ([`Error::InUse`]); what the observer returns, and [`Error::Stopped`] when it ends the run.
pub fn train<B: Backbone, C: Compose>(
    config: &RunConfig,
    data: &[TaskData],
    backbone: &B,
    composition: C,
    output: Option<&Output>,
    observer: &mut impl Observer,
) -> Result<Trained<C>> {
    train_on(&PromptTuning::new(backbone), config, data, backbone, composition, output, observer)
}

/// The same for an objective, such as [`Distillation`](crate::Distillation).
///
/// The tasks are judged by the prompts alone, whatever the objective is.
///
/// # Errors
///
/// As [`train`], and what the objective returns.
pub fn train_on<B: Backbone, C: Compose>(
    objective: &impl Objective<C>,
    config: &RunConfig,
    data: &[TaskData],
    backbone: &B,
    composition: C,
    output: Option<&Output>,
    observer: &mut impl Observer,
) -> Result<Trained<C>> {
    config.check()?;
    check_width(backbone, &composition)?;
    let _lock = output.map(|output| output.folder.lock()).transpose()?;
    let mut run = Run::new(objective, config, data, backbone, composition, output, observer)?;
    let Some(output) = output else {
        return run.train(observer);
    };
    // Only now is it sure that the run can begin, or go on: what an earlier one left stays until then.
    let tasks = data.iter().map(TaskData::task);
    output.folder.remove_drafts()?;
    output.folder.write_config(config, tasks)?;
    if !output.resume {
        output.folder.remove_checkpoints()?;
        // Else the prompts of an earlier run would pass for those of this one, should it end before it has any.
        output.folder.remove_prompts()?;
    }
    let mut logs = output.folder.open_logs(run.trainer.steps_done(), run.unjudged)?;
    run.train(&mut (&mut logs, observer))
}

struct Run<'a, O, B, C> {
    objective: &'a O,
    config: &'a RunConfig,
    data: &'a [TaskData],
    backbone: &'a B,
    mixture: Mixture,
    trainer: Trainer<C>,
    best: Option<Best<C>>,
    /// Whether the evaluation after the last step is still to come.
    unjudged: bool,
    checkpoints: Checkpoints<RunIdentity<'a, RunConfig>>,
    output: Option<&'a Output>,
}

impl<'a, O: Objective<C>, B: Backbone, C: Compose> Run<'a, O, B, C> {
    fn new(
        objective: &'a O,
        config: &'a RunConfig,
        data: &'a [TaskData],
        backbone: &'a B,
        composition: C,
        output: Option<&'a Output>,
        observer: &mut impl Observer,
    ) -> Result<Self> {
        check_rows(data, config)?;
        check_task_options(config, &composition)?;
        let sizes: Vec<usize> = data.iter().map(|task| task.count(Split::Train)).collect();
        let mixture = Mixture::new(&config.mixture, &sizes, config.seed)?;
        let tasks = data.iter().map(|data| data.task().id().clone()).collect();
        let optimizer = &config.training.optimizer;
        let mut trainer = Trainer::new(composition, optimizer, config.schedule(), tasks);
        if let Some((_, options)) = config.training.task_options() {
            trainer = trainer.with_group(C::task_parameters, options);
        }
        let (mut best, mut unjudged) = (None, false);
        let identity = RunIdentity::of_run(config, data, trainer.module())?;
        let identity = identity.with_objective(objective.identity());
        let mut checkpoints = Checkpoints::new(output, config.training.checkpoint_every, identity);
        if output.is_some_and(|output| output.resume) {
            let checkpoint = checkpoints.resume(trainer, observer)?;
            (trainer, best, unjudged) = (checkpoint.trainer, checkpoint.best, checkpoint.unjudged);
        }
        Ok(Self {
            objective,
            config,
            data,
            backbone,
            mixture,
            trainer,
            best,
            unjudged,
            checkpoints,
            output,
        })
    }

    fn train(&mut self, observer: &mut impl Observer) -> Result<Trained<C>> {
        let steps = self.config.training.steps;
        if self.unjudged {
            self.judge(self.trainer.steps_done(), observer)?;
            self.write_if_due(observer)?;
        }
        while !self.is_done() {
            let batches = self.batches(self.trainer.steps_done())?;
            let report = match self.trainer.step(self.objective, &batches) {
                Ok(report) => report,
                Err(Error::NotFinite(problem)) => return Err(self.give_up(problem, observer)),
                Err(error) => return Err(error),
            };
            let step = self.trainer.steps_done();
            self.trainer.tell(&report, observer)?;
            self.unjudged = is_due(step, steps, self.config.evaluation.every);
            if observer.stop() {
                return Err(self.stopped(observer));
            }
            if self.unjudged {
                self.judge(step, observer)?;
            }
            self.write_if_due(observer)?;
        }
        let (composition, step, score) = match &self.best {
            Some(best) => (best.module.clone(), best.step, Some(best.score)),
            None => (self.trainer.module().valid(), steps, None),
        };
        let prompts = self.prompts(composition, step);
        if let Some(output) = self.output {
            prompts.write(&output.folder.prompts())?;
        }
        let steps_done = self.trainer.steps_done();
        let stopped_early = (steps_done < steps).then_some(steps_done);
        if let (Some(step), Some(patience)) = (stopped_early, self.config.evaluation.patience) {
            observer.note(&Progress::end(step, patience));
        }
        if let Some(output) = self.output {
            let path = output.folder.outcome();
            let outcome = json!({ "step": step, "score": score, "stopped_early": stopped_early });
            write_atomic(&path, format!("{outcome}\n").as_bytes())?;
        }
        Ok(Trained { prompts, step, score, stopped_early })
    }

    fn is_done(&self) -> bool {
        is_done(&self.trainer, self.best.as_ref(), self.config.evaluation.patience)
    }

    /// Writes a checkpoint after a step and its evaluation, if one is due.
    fn write_if_due(&mut self, observer: &mut impl Observer) -> Result<()> {
        let is_last = self.is_done();
        self.checkpoints.write_if_due(&self.trainer, self.best.as_ref(), is_last, observer)
    }

    /// The rows of a step.
    fn batches(&self, step: usize) -> Result<Vec<TokenBatch>> {
        let training = &self.config.training;
        let picks = self.mixture.batch(step as u64, training.batch_size);
        let rows = picks.iter().map(|pick| self.data[pick.task].row(Split::Train, pick.row));
        let rows = rows.collect::<mtpt_infer::Result<Vec<Cow<'_, TokenizedExample>>>>()?;
        let numbers = picks.iter().map(|pick| pick.row);
        let rows: Vec<_> = numbers.zip(rows.iter().map(Cow::as_ref)).collect();
        let size = training.micro_batch_size.unwrap_or(training.batch_size);
        micro_batches(&rows, size, self.backbone)
    }

    /// Judges every task that has a `dev` split and keeps the prompts, if they are the best so far.
    fn judge(&mut self, step: usize, observer: &mut impl Observer) -> Result<()> {
        let composition = self.trainer.module().valid();
        let batch_size = self.config.evaluation.batch_size;
        let mut scores = Vec::new();
        for data in self.judged_tasks() {
            if !scores.is_empty() && observer.stop() {
                return Err(self.stopped(observer));
            }
            let task = data.task().id();
            observer.remark(&format!("evaluating {task}"));
            let judged = evaluate(self.backbone, Some(&composition), data, Split::Dev, batch_size)?;
            for (metric, value) in judged.values() {
                let (split, metric, value) = (Split::Dev.as_str(), metric.name(), *value);
                observer.evaluation(&EvaluationEvent { step, split, task, metric, value })?;
            }
            scores.push(judged.mean());
        }
        self.unjudged = false;
        if scores.is_empty() {
            return Ok(());
        }
        let score = scores.iter().sum::<f64>() / scores.len() as f64;
        let is_best = self.best.as_ref().is_none_or(|best| score > best.score);
        let split = Split::Dev.as_str();
        let earlier = self.best.as_ref().filter(|_| !is_best);
        let (best_step, best_value) = earlier.map_or((step, score), |best| (best.step, best.score));
        observer.mean(&MeanEvent { step, split, value: score, best_step, best_value })?;
        let before = self.best.as_ref().map(|best| best.progress);
        let progress = Progress::after(before, score, self.config.evaluation.min_delta);
        if is_best {
            if let Some(output) = self.output {
                let prompts = self.prompts(composition.clone(), step);
                prompts.write(&output.folder.prompts())?;
            }
            self.best = Some(Best { module: composition, step, score, progress });
        } else if let Some(best) = &mut self.best {
            best.progress = progress;
        }
        Ok(())
    }

    /// The tasks that the prompts are judged by.
    fn judged_tasks(&self) -> impl Iterator<Item = &'a TaskData> + use<'a, O, B, C> {
        self.data.iter().filter(|data| !data.rows(Split::Dev).is_empty())
    }

    /// What ends a run that the observer wants to end, with all that it came to kept.
    fn stopped(&mut self, observer: &mut impl Observer) -> Error {
        let (step, steps) = (self.trainer.steps_done(), self.config.training.steps);
        match self.keep(observer) {
            Ok(checkpoint) => Error::Stopped { step, steps, checkpoint },
            Err(error) => error,
        }
    }

    /// What ends a run whose next step cannot be made, with all that it came to kept.
    fn give_up(&mut self, mut problem: Box<NotFinite>, observer: &mut impl Observer) -> Error {
        problem.find_places(self.data.iter().map(TaskData::task));
        // At its beginning, a run has come to nothing yet; and a step may have been too large for its numbers.
        if self.trainer.steps_done() > 0 && is_finite(self.trainer.module()) {
            match self.keep(observer) {
                Ok(checkpoint) => problem.checkpoint = checkpoint,
                Err(error) => observer.note(&error_line(&error)),
            }
        }
        problem.into()
    }

    /// Keeps what a run that ends early has come to; tells the checkpoint.
    fn keep(&mut self, observer: &mut impl Observer) -> Result<Option<PathBuf>> {
        let best = self.best.as_ref();
        let place = self.checkpoints.write(&self.trainer, best, self.unjudged, observer)?;
        // Where nothing is judged, the last prompts are the best ones.
        if let Some(output) = self.output
            && self.judged_tasks().next().is_none()
        {
            let prompts = self.prompts(self.trainer.module().valid(), self.trainer.steps_done());
            prompts.write(&output.folder.prompts())?;
        }
        Ok(place)
    }

    fn prompts(&self, composition: C, step: usize) -> Prompts<C> {
        let tasks = self.data.iter().map(|data| PromptTask::new(data.task())).collect();
        let d_model = composition.d_model();
        let length = self.config.prompt.length;
        let mut header = PromptHeader::new(self.config.composition.clone(), length, d_model, tasks);
        header.model.clone_from(&self.config.model);
        header.max_input_length = self.config.training.max_input_length;
        header.max_target_length = self.config.training.max_target_length;
        header.steps = step;
        Prompts::new(composition, header)
    }
}
