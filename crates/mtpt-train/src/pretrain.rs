use burn::module::Module;
use mtpt_compose::Composition;
use mtpt_core::Backbone;
use mtpt_tasks::{CorpusConfig, Mixture, Split, Task, TaskConfig, TaskId};
use serde::Serialize;

use crate::checkpoint;
use crate::evaluate::evaluate;
use crate::micro_batches::micro_batches;
use crate::run_identity::RunIdentity;
use crate::schedule::is_due;
use crate::{
    EvaluationEvent, FullFineTuning, MetricsLog, Observer, Output, PretrainingConfig,
    PretrainingData, Result, TaskData, TensorBoard, Trainer, mean_loss,
};

/// What continued pretraining came to.
#[derive(Clone, Debug)]
pub struct Pretrained<M> {
    /// The model after the last step, without gradients.
    pub model: M,
    /// Number of steps done.
    pub step: usize,
    /// Its loss for each target token of `dev`, in nats, for each task and corpus that has this split.
    pub losses: Vec<(TaskId, f64)>,
}

/// Trains a whole model on: on text, from which rows are made by span corruption and prefix language modelling (Raffel et
/// al. 2020; "LM adaptation", Lester et al. 2021), and on the rows of tasks.
///
/// All weights of the model learn. The rows of a step are a function of the seed and the step, what they ask for included, and so is dropout.
/// At the steps that the configuration tells, before the first and after the last, the loss on `dev` is measured, and tasks are
/// judged by their metrics without a prompt. With an output, the run's folder holds the configuration, the metrics and the
/// newest checkpoints; the trained model is the caller's to write, into [`RunFolder::model`](crate::RunFolder::model).
///
/// # Errors
///
/// When the configuration has a number out of its range, a loss is not finite, a file cannot be written, or a checkpoint is of
/// another run.
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
    let run = Run::new(config, data, model, output)?;
    let Some(output) = output else {
        return run.train(observer);
    };
    // Only now is it sure that the run can begin, or go on: what an earlier one left stays until then.
    output.folder.write(&run.document)?;
    if !output.resume {
        output.folder.remove_checkpoints()?;
    }
    let mut log = MetricsLog::open(&output.folder.metrics(), run.trainer.steps_done())?;
    let mut board = TensorBoard::open(&output.folder.tensorboard(), run.trainer.steps_done())?;
    run.train(&mut (&mut log, (&mut board, observer)))
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
    identity: RunIdentity<'a, PretrainingConfig>,
    mixture: Mixture,
    trainer: Trainer<M>,
    output: Option<&'a Output>,
    /// Of the last evaluation, with its step.
    losses: Option<(usize, Vec<(TaskId, f64)>)>,
}

impl<'a, M: Module + Backbone> Run<'a, M> {
    fn new(
        config: &'a PretrainingConfig,
        data: &'a PretrainingData,
        model: M,
        output: Option<&'a Output>,
    ) -> Result<Self> {
        let document = Document {
            config,
            corpora: data.corpora().iter().map(|corpus| corpus.corpus().config()).collect(),
            tasks: data.tasks().iter().map(TaskData::task).map(Task::config).collect(),
        };
        let mixture = data.mixture(config)?;
        // A frozen module drops nothing, and a frozen module whose weights ask for gradients is not frozen any more.
        let model = if config.dropout { model } else { model.freeze() }.set_require_grad(true);
        let training = &config.training;
        let names = data.names().to_vec();
        let mut trainer = Trainer::new(model, &training.optimizer, training.schedule(), names);
        let identity = RunIdentity::of_text_and_tasks(config, data)?;
        if let Some(Output { folder, resume: true }) = output {
            (trainer, _) = checkpoint::resume(&folder.checkpoints(), trainer, &identity)?;
        }
        Ok(Self { config, data, document, identity, mixture, trainer, output, losses: None })
    }

    fn train(mut self, observer: &mut impl Observer) -> Result<Pretrained<M>> {
        let training = &self.config.training;
        let steps = training.steps;
        if self.trainer.steps_done() == 0 && self.config.evaluation.every > 0 {
            self.judge(observer)?;
        }
        while self.trainer.steps_done() < steps {
            let step = self.trainer.steps_done();
            if self.config.dropout {
                let seed = self.config.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                self.trainer.module().device().seed(seed.wrapping_add(step as u64));
            }
            let rows = self.data.rows(&self.mixture, self.config, step)?;
            let rows: Vec<_> = rows.iter().map(|(number, row)| (*number, row.as_ref())).collect();
            let size = training.micro_batch_size.unwrap_or(training.batch_size);
            let batches = micro_batches(&rows, size, self.trainer.module())?;
            let report = self.trainer.step(&FullFineTuning, &batches)?;
            self.trainer.tell(&report, observer)?;
            let step = self.trainer.steps_done();
            if is_due(step, steps, self.config.evaluation.every) {
                self.judge(observer)?;
            }
            if let Some(output) = self.output
                && training.checkpoint_every > 0
                && is_due(step, steps, training.checkpoint_every)
            {
                let folder = output.folder.checkpoints();
                checkpoint::write(&folder, &self.trainer, None, &self.identity)?;
            }
        }
        let step = self.trainer.steps_done();
        if self.losses.as_ref().is_none_or(|(judged, _)| *judged != step) {
            // A run that was at its end already: its figures stand in the log.
            self.judge(&mut ())?;
        }
        let losses = self.losses.take().map(|(_, losses)| losses).unwrap_or_default();
        Ok(Pretrained { model: self.trainer.into_module().valid(), step, losses })
    }

    /// Measures the loss of every `dev` split, and judges tasks by their metrics.
    fn judge(&mut self, observer: &mut impl Observer) -> Result<()> {
        let step = self.trainer.steps_done();
        let model = self.trainer.module().valid();
        let batch_size = self.config.evaluation.batch_size;
        let split = Split::Dev;
        let mut losses = Vec::new();
        for (position, task) in self.data.names().iter().enumerate() {
            let rows = self.data.dev_rows(position);
            if rows.is_empty() {
                continue;
            }
            observer.remark(&format!("evaluating {task}"));
            let mut tell = |metric: &str, value: f64| {
                let split = split.as_str();
                observer.evaluation(&EvaluationEvent { step, split, task, metric, value })
            };
            let loss = mean_loss(&model, &rows, batch_size)?;
            tell(EvaluationEvent::LOSS, loss)?;
            losses.push((task.clone(), loss));
            if let Some(data) = self.data.tasks().get(position) {
                let judged = evaluate(&model, None::<&Composition>, data, split, batch_size)?;
                for (metric, value) in judged.values() {
                    tell(metric.name(), *value)?;
                }
            }
        }
        self.losses = Some((step, losses));
        Ok(())
    }
}
