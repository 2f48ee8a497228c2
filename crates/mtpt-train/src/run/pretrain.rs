use burn::module::Module;
use mtpt_compose::Composition;
use mtpt_core::Backbone;
use mtpt_tasks::corpus::CorpusConfig;
use mtpt_tasks::{Mixture, Split, Task, TaskConfig, TaskId};
use serde::Serialize;

use crate::config::pretraining::PretrainingConfig;
use crate::config::schedule::is_due;
use crate::data::micro_batches::micro_batches;
use crate::data::pretraining_data::PretrainingData;
use crate::error::{Error, Result, error_line};
use crate::objective::FullFineTuning;
use crate::objective::mean_loss::mean_loss;
use crate::optim::trainer::Trainer;
use crate::output::checkpoint::{Best, is_done};
use crate::output::checkpoints::Checkpoints;
use crate::run::identity::RunIdentity;
use crate::run::non_finite::NotFinite;
use crate::run::non_finite::is_finite;
use crate::run::observer::{EvaluationEvent, Observer};
use crate::run::progress::Progress;
use crate::run::train::Output;
use mtpt_infer::TaskData;
use mtpt_infer::evaluate;

/// What continued pretraining came to.
#[derive(Clone, Debug)]
pub struct Pretrained<M> {
    /// The model after the last step, or the best one on `dev` if the configuration asks for it, without gradients.
    pub model: M,
    /// The step that it is from.
    pub step: usize,
    /// Its loss for each target token of `dev`, in nats, for each task and corpus that has this split.
    pub losses: Vec<(TaskId, f64)>,
    /// Mean of the tasks' metrics on `dev`, as a fraction, if a task has this split.
    pub score: Option<f64>,
    /// The step that the run ended after, if that was before its last one, for want of progress.
    pub stopped_early: Option<usize>,
}

/// Trains a whole model on: on text, from which rows are made by span corruption and prefix language modelling (Raffel et
/// al. 2020; "LM adaptation", Lester et al. 2021), and on the rows of tasks.
///
/// All weights of the model learn. The rows of a step are a function of the seed and the step, what they ask for included, and so is dropout.
/// At the steps that the configuration tells, before the first and after the last, the loss on `dev` is measured, and tasks are
/// judged by their metrics without a prompt. What comes out is the model after the last step, or the best one so far, by the mean
/// of these metrics or, without them, of the losses. With an output, the run's folder holds the configuration, the metrics and the
/// newest checkpoints; the trained model is the caller's to write, into [`RunFolder::model`](crate::RunFolder::model).
///
/// # Errors
///
/// When the configuration has a number out of its range, the best model is asked for and nothing has a `dev` split to judge it
/// by ([`Error::NoDev`]), a loss or gradient is not finite ([`Error::NotFinite`]; the state before that step is kept in a
/// checkpoint), a file cannot be written, a checkpoint is of another run or none is whole, another run writes to the folder
/// ([`Error::InUse`]), or the observer ends the run ([`Error::Stopped`]).
///
/// # Panics
///
/// When the model does not stand on an autodiff device.
pub fn pretrain<M: Module + Backbone>(
    config: &PretrainingConfig,
    data: &PretrainingData,
    model: M,
    output: Option<&Output>,
    observer: &mut impl Observer,
) -> Result<Pretrained<M>> {
    config.check()?;
    let _lock = output.map(|output| output.folder.lock()).transpose()?;
    let run = Run::new(config, data, model, output, observer)?;
    let Some(output) = output else {
        return run.train(observer);
    };
    // Only now is it sure that the run can begin, or go on: what an earlier one left stays until then.
    output.folder.remove_drafts()?;
    output.folder.write(&run.document)?;
    if !output.resume {
        output.folder.remove_checkpoints()?;
    }
    let mut logs = output.folder.open_logs(run.trainer.steps_done(), run.unjudged)?;
    run.train(&mut (&mut logs, observer))
}

/// The configuration as it was resolved, with all that it is about.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    config: &'a PretrainingConfig,
    corpora: Vec<&'a CorpusConfig>,
    tasks: Vec<&'a TaskConfig>,
}

struct Run<'a, M> {
    config: &'a PretrainingConfig,
    data: &'a PretrainingData,
    document: Document<'a>,
    mixture: Mixture,
    trainer: Trainer<M>,
    /// Whether the evaluation after the last step is still to come.
    unjudged: bool,
    checkpoints: Checkpoints<RunIdentity<'a, &'a PretrainingConfig>>,
    /// The best model so far, if it is to be kept.
    best: Option<Best<M>>,
    /// Of the model that would come out now.
    judged: Option<Judged>,
}

/// What an evaluation on `dev` has found.
struct Judged {
    step: usize,
    losses: Vec<(TaskId, f64)>,
    /// Mean of the tasks' metrics, if there are any.
    score: Option<f64>,
}

impl Judged {
    /// A number that is higher for a better model, if there is anything to judge by.
    fn mean(&self) -> Option<f64> {
        let losses = || {
            let sum: f64 = self.losses.iter().map(|(_, loss)| loss).sum();
            (!self.losses.is_empty()).then(|| -sum / self.losses.len() as f64)
        };
        self.score.or_else(losses)
    }
}

impl<'a, M: Module + Backbone> Run<'a, M> {
    fn new(
        config: &'a PretrainingConfig,
        data: &'a PretrainingData,
        model: M,
        output: Option<&'a Output>,
        observer: &mut impl Observer,
    ) -> Result<Self> {
        let document = Document {
            config,
            corpora: data.corpora().iter().map(|corpus| corpus.corpus().config()).collect(),
            tasks: data.tasks().iter().map(TaskData::task).map(Task::config).collect(),
        };
        let nothing_to_judge = (0..data.names().len()).all(|it| data.dev_rows(it).is_empty());
        if let Some(option) = config.evaluation.keeps_best()
            && nothing_to_judge
        {
            return Err(Error::NoDev { option });
        }
        let mixture = data.mixture(config)?;
        // A frozen module drops nothing, and a frozen module whose weights ask for gradients is not frozen any more.
        let model = if config.dropout { model } else { model.freeze() }.set_require_grad(true);
        let training = &config.training;
        let names = data.names().to_vec();
        let mut trainer = Trainer::new(model, &training.optimizer, training.schedule(), names);
        let identity = RunIdentity::of_text_and_tasks(config, data)?;
        let mut checkpoints = Checkpoints::new(output, training.checkpoint_every, identity);
        let (mut best, mut unjudged) = (None, false);
        if output.is_some_and(|output| output.resume) {
            let checkpoint = checkpoints.resume(trainer, observer)?;
            (trainer, best, unjudged) = (checkpoint.trainer, checkpoint.best, checkpoint.unjudged);
        }
        unjudged |= trainer.steps_done() == 0 && config.evaluation.every > 0;
        Ok(Self {
            config,
            data,
            document,
            mixture,
            trainer,
            unjudged,
            checkpoints,
            best,
            judged: None,
        })
    }

    fn train(mut self, observer: &mut impl Observer) -> Result<Pretrained<M>> {
        let training = &self.config.training;
        let steps = training.steps;
        if self.unjudged {
            self.evaluate(observer)?;
            if self.trainer.steps_done() > 0 {
                self.write_if_due(observer)?;
            }
        }
        while !self.is_done() {
            let step = self.trainer.steps_done();
            if self.config.dropout {
                let seed = self.config.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                self.trainer.module().device().seed(seed.wrapping_add(step as u64));
            }
            let rows = self.data.rows(&self.mixture, self.config, step)?;
            let rows: Vec<_> = rows.iter().map(|(number, row)| (*number, row.as_ref())).collect();
            let size = training.micro_batch_size.unwrap_or(training.batch_size);
            let batches = micro_batches(&rows, size, self.trainer.module())?;
            let report = match self.trainer.step(&FullFineTuning, &batches) {
                Ok(report) => report,
                Err(Error::NotFinite(problem)) => return Err(self.give_up(problem, observer)),
                Err(error) => return Err(error),
            };
            self.trainer.tell(&report, observer)?;
            let step = self.trainer.steps_done();
            self.unjudged = is_due(step, steps, self.config.evaluation.every);
            if observer.stop() {
                return Err(self.stopped(observer));
            }
            if self.unjudged {
                self.evaluate(observer)?;
            }
            self.write_if_due(observer)?;
        }
        let steps_done = self.trainer.steps_done();
        let stopped_early = (steps_done < steps).then_some(steps_done);
        let (model, step) = match &self.best {
            Some(best) => (best.module.valid(), best.step),
            None => (self.trainer.module().valid(), steps_done),
        };
        let judged = match self.judged.take() {
            Some(judged) if judged.step == step => judged,
            // That was before the run was gone on with: its figures stand in the log.
            _ => self.judge(&model, step, &mut ())?,
        };
        let Judged { losses, score, .. } = judged;
        if let (Some(step), Some(patience)) = (stopped_early, self.config.evaluation.patience) {
            observer.note(&Progress::end(step, patience));
        }
        Ok(Pretrained { model, step, losses, score, stopped_early })
    }

    fn is_done(&self) -> bool {
        is_done(&self.trainer, self.best.as_ref(), self.config.evaluation.patience)
    }

    /// Writes a checkpoint after a step and its evaluation, if one is due.
    fn write_if_due(&mut self, observer: &mut impl Observer) -> Result<()> {
        let is_last = self.is_done();
        self.checkpoints.write_if_due(&self.trainer, self.best.as_ref(), is_last, observer)
    }

    /// Judges the model as it is now, and keeps it, if it is the best so far and the best is to be kept.
    fn evaluate(&mut self, observer: &mut impl Observer) -> Result<()> {
        let step = self.trainer.steps_done();
        let module = self.trainer.module().valid();
        let judged = self.judge(&module, step, observer)?;
        self.unjudged = false;
        let min_delta = self.config.evaluation.min_delta;
        if let Some(score) = judged.mean()
            && self.config.evaluation.keeps_best().is_some()
        {
            let before = self.best.as_ref().map(|best| best.progress);
            let progress = Progress::after(before, score, min_delta);
            match &mut self.best {
                Some(best) if score > best.score => {
                    *best = Best { module, step, score, progress };
                }
                Some(best) => {
                    best.progress = progress;
                    return Ok(());
                }
                None => self.best = Some(Best { module, step, score, progress }),
            }
        }
        self.judged = Some(judged);
        Ok(())
    }

    /// Measures the loss of every `dev` split, and judges tasks by their metrics.
    fn judge(&mut self, model: &M, step: usize, observer: &mut impl Observer) -> Result<Judged> {
        let batch_size = self.config.evaluation.batch_size;
        let split = Split::Dev;
        let (mut losses, mut means) = (Vec::new(), Vec::new());
        for (position, task) in self.data.names().iter().enumerate() {
            let rows = self.data.dev_rows(position);
            if rows.is_empty() {
                continue;
            }
            if !losses.is_empty() && observer.stop() {
                return Err(self.stopped(observer));
            }
            observer.remark(&format!("evaluating {task}"));
            let mut tell = |metric: &str, value: f64| {
                let split = split.as_str();
                observer.evaluation(&EvaluationEvent { step, split, task, metric, value })
            };
            let loss = mean_loss(model, &rows, batch_size)?;
            tell(EvaluationEvent::LOSS, loss)?;
            losses.push((task.clone(), loss));
            if let Some(data) = self.data.tasks().get(position) {
                let judged = evaluate(model, None::<&Composition>, data, split, batch_size)?;
                for (metric, value) in judged.values() {
                    tell(metric.name(), *value)?;
                }
                means.push(judged.mean());
            }
        }
        let score = (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64);
        Ok(Judged { step, losses, score })
    }

    /// What ends a run that the observer wants to end, with all that it came to kept.
    fn stopped(&mut self, observer: &mut impl Observer) -> Error {
        let (step, steps) = (self.trainer.steps_done(), self.config.training.steps);
        match self.checkpoints.write(&self.trainer, self.best.as_ref(), self.unjudged, observer) {
            Ok(checkpoint) => Error::Stopped { step, steps, checkpoint },
            Err(error) => error,
        }
    }

    /// What ends a run whose next step cannot be made, with all that it came to kept.
    fn give_up(&mut self, mut problem: Box<NotFinite>, observer: &mut impl Observer) -> Error {
        problem.find_places(self.data.tasks().iter().map(TaskData::task));
        // At its beginning, a run has come to nothing yet; and a step may have been too large for its numbers.
        if self.trainer.steps_done() > 0 && is_finite(self.trainer.module()) {
            match self.checkpoints.write(&self.trainer, self.best.as_ref(), self.unjudged, observer)
            {
                Ok(checkpoint) => problem.checkpoint = checkpoint,
                Err(error) => observer.note(&error_line(&error)),
            }
        }
        problem.into()
    }
}
