use std::time::Instant;

use burn::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::module::{Module, ModuleMapper, Param, ParamGroup, ParamId};
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use mtpt_tasks::{TaskId, TokenBatch};

use crate::config::optimizer::OptimizerConfig;
use crate::config::schedule::Schedule;
use crate::error::{Error, Result};
use crate::objective::Objective;
use crate::optim::clip::clip_norm_of;
use crate::run::non_finite::{NotFinite, TrainingRow};
use crate::run::non_finite::{rows_of, rows_to_blame, worst_gradient};
use crate::run::observer::{Observer, StepEvent};

/// What a step did.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Mean negative log-likelihood of all target tokens of the step, in nats.
    pub loss: f64,
    /// Means of what the objective adds to it, by name, weighted as they are added.
    pub added: Vec<(&'static str, f64)>,
    /// Sum of losses, in nats, and number of target tokens of each task, by the task's position; both are 0 for tasks
    /// without rows.
    pub tasks: Vec<(f64, usize)>,
    /// Learning rate, of parameters without one of their own.
    pub learning_rate: f64,
    /// That of the parameters with one of their own.
    pub group_learning_rate: Option<f64>,
    /// Global norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Rows of the step.
    pub rows: usize,
    /// Duration, in seconds.
    pub seconds: f64,
}

/// What some parameters of a module have for themselves; what is not said is as for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupOptions {
    /// Their learning rates.
    pub schedule: Option<Schedule>,
    /// Their weight decay.
    pub weight_decay: Option<f32>,
    /// Largest norm of their gradients, which then are clipped by themselves, and the others by themselves.
    pub clip_norm: Option<f64>,
}

/// A module, the optimizer that moves it, and the number of steps done.
///
/// The trainer knows neither where rows come from nor what the module is: [`step`](Self::step) takes the batches of one
/// step and an [`Objective`].
pub struct Trainer<M> {
    module: M,
    config: OptimizerConfig,
    optimizer: ModuleOptimizer,
    schedule: Schedule,
    /// Parameters with something of their own.
    group: Option<(ParamGroup, GroupOptions)>,
    tasks: Vec<TaskId>,
    steps_done: usize,
}

impl<M: Module> Trainer<M> {
    /// A trainer before its first step.
    ///
    /// The names of the tasks, in the order of their positions, are for reports and messages.
    pub fn new(
        module: M,
        optimizer: &OptimizerConfig,
        schedule: Schedule,
        tasks: Vec<TaskId>,
    ) -> Self {
        Self {
            module: with_ids_by_order(module),
            config: optimizer.clone(),
            optimizer: optimizer.init(),
            schedule,
            group: None,
            tasks,
            steps_done: 0,
        }
    }

    /// The same trainer before its first step, in which some parameters of the module have learning rates, a weight decay or
    /// a clipping of their own.
    ///
    /// The module of a trainer has other parameter ids than the one that was given to it: hence the function.
    #[must_use]
    pub fn with_group(
        mut self,
        parameters: impl FnOnce(&M) -> Vec<ParamId>,
        options: GroupOptions,
    ) -> Self {
        let group = ParamGroup::from_ids(parameters(&self.module));
        if let Some(weight_decay) = options.weight_decay {
            let config = self.config.clone().with_weight_decay(weight_decay);
            self.optimizer = config.take_group(self.optimizer, group.clone());
        }
        self.group = Some((group, options));
        self
    }

    /// The module as it is now.
    pub fn module(&self) -> &M {
        &self.module
    }

    /// The module, trained.
    pub fn into_module(self) -> M {
        self.module
    }

    /// Number of steps in all.
    pub fn steps(&self) -> usize {
        self.schedule.steps
    }

    /// Number of steps done.
    pub fn steps_done(&self) -> usize {
        self.steps_done
    }

    /// The optimizer, with its state.
    pub(crate) fn optimizer(&self) -> &ModuleOptimizer {
        &self.optimizer
    }

    /// Continues where another trainer stood.
    pub(crate) fn restore(self, module: M, optimizer: ModuleOptimizer, steps_done: usize) -> Self {
        Self { module: with_ids_by_order(module), optimizer, steps_done, ..self }
    }

    /// One step of the optimizer on rows that are computed batch by batch.
    ///
    /// Every target token of the step weighs the same, whichever batch it stands in: the gradient is that of one large
    /// batch.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`], when a loss or the gradient is not finite; the module then is as it was before the step.
    ///
    /// # Panics
    ///
    /// When a row's task is not among the trainer's, or the module is not on a device with autodiff.
    pub fn step<O: Objective<M>>(
        &mut self,
        objective: &O,
        batches: &[TokenBatch],
    ) -> Result<StepReport> {
        let begun = Instant::now();
        let tokens: usize = batches.iter().map(TokenBatch::target_tokens).sum();
        let mut tasks = vec![(0.0, 0); self.tasks.len()];
        let mut added: Vec<(&'static str, f64)> = Vec::new();
        let mut accumulator = GradientsAccumulator::<M>::new();
        for batch in batches {
            let (losses, gradients) = objective.differentiate(&self.module, batch, tokens)?;
            let total = (!losses.added.is_empty()).then(|| losses.total().inner());
            for (name, term) in losses.added {
                let sum = f64::from(term.inner().sum().into_scalar::<f32>()) / tokens as f64;
                match added.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, total)) => *total += sum,
                    None => added.push((name, sum)),
                }
            }
            self.book(batch, losses.likelihood.inner(), total, &mut tasks)?;
            if let Some(gradients) = gradients {
                accumulator.accumulate(&self.module, gradients);
            }
        }
        let mut gradients = accumulator.grads();
        let gradient_norm = self.clip(&mut gradients);
        if !gradient_norm.is_finite() {
            let of_batch = |batch: &_| objective.differentiate(&self.module, batch, tokens).ok()?.1;
            let rows = rows_to_blame(&self.module, batches, &self.tasks, of_batch);
            let (parameter, norm) = worst_gradient(&self.module, &gradients);
            // Where each is finite by itself, it is their sum that is not.
            let value = if norm.is_finite() { gradient_norm } else { norm };
            return Err(self.not_finite(Some(parameter), value, rows));
        }
        let learning_rate = self.schedule.rate(self.steps_done);
        let group_learning_rate = self.group_rate().map(|(_, rate)| rate);
        let rates = self.rates(learning_rate);
        self.module = self.optimizer.step(rates, self.module.clone(), gradients);
        self.steps_done += 1;
        Ok(StepReport {
            loss: tasks.iter().map(|(sum, _)| sum).sum::<f64>() / tokens.max(1) as f64,
            tasks,
            added,
            learning_rate,
            group_learning_rate,
            gradient_norm,
            rows: batches.iter().map(TokenBatch::len).sum(),
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    fn not_finite(&self, parameter: Option<String>, value: f64, rows: Vec<TrainingRow>) -> Error {
        let (step, checkpoint) = (self.steps_done + 1, None);
        Box::new(NotFinite { step, parameter, value, rows, checkpoint }).into()
    }

    /// Clips the gradients, and returns the norm that they had all together.
    fn clip(&self, gradients: &mut GradientsParams) -> f64 {
        let limit = self.config.clip_norm();
        match &self.group {
            Some((group, GroupOptions { clip_norm: Some(of_group), .. })) => {
                let inside = |id| group.matches(&id, None);
                let outside = |id| !inside(id);
                let first = clip_norm_of(&self.module, gradients, Some(*of_group), &inside);
                let second = clip_norm_of(&self.module, gradients, limit, &outside);
                first.hypot(second)
            }
            _ => clip_norm_of(&self.module, gradients, limit, &|_| true),
        }
    }

    /// The parameters with rates of their own, and their rate in the step that comes.
    fn group_rate(&self) -> Option<(&ParamGroup, f64)> {
        let (group, options) = self.group.as_ref()?;
        Some((group, options.schedule?.rate(self.steps_done)))
    }

    /// The learning rate of each parameter in the step that comes.
    fn rates(&self, learning_rate: f64) -> ModuleLearningRate {
        match self.group_rate() {
            Some((group, rate)) => {
                ModuleLrScheduler::new(learning_rate).with_group(group.clone(), rate).step()
            }
            None => learning_rate.into(),
        }
    }

    /// Tells of the step that was just done.
    pub(crate) fn tell(&self, report: &StepReport, observer: &mut impl Observer) -> Result<()> {
        let task_losses: Vec<(TaskId, f64)> = self
            .tasks
            .iter()
            .zip(&report.tasks)
            .filter(|(_, (_, tokens))| *tokens > 0)
            .map(|(task, (sum, tokens))| (task.clone(), sum / *tokens as f64))
            .collect();
        observer.step(&StepEvent {
            step: self.steps_done,
            steps: self.schedule.steps,
            loss: report.loss,
            added_losses: &report.added,
            task_losses: &task_losses,
            learning_rate: report.learning_rate,
            task_learning_rate: report.group_learning_rate,
            gradient_norm: report.gradient_norm,
            rows: report.rows,
            seconds: report.seconds,
        })
    }

    /// Adds the losses of a batch to their tasks; what is added to them must be finite, too.
    fn book(
        &self,
        batch: &TokenBatch,
        losses: Tensor<1>,
        total: Option<Tensor<1>>,
        tasks: &mut [(f64, usize)],
    ) -> Result<()> {
        let read = |losses: Tensor<1>| -> Vec<f32> { losses.into_data().iter::<f32>().collect() };
        let losses = read(losses);
        let total = total.map(read);
        let (mut place, mut bad) = (0, Vec::new());
        for (row, (&task, &length)) in batch.tasks.iter().zip(&batch.target_lengths).enumerate() {
            let sum = |losses: &[f32]| -> f64 {
                losses[place..][..length].iter().map(|&loss| f64::from(loss)).sum()
            };
            let loss = sum(&losses);
            let total = total.as_deref().map_or(loss, sum);
            if !total.is_finite() {
                bad.push((row, total));
            }
            let (all, count) = &mut tasks[task as usize];
            *all += loss;
            *count += length;
            place += length;
        }
        if let Some(&(_, value)) = bad.first() {
            let rows = rows_of(batch, &self.tasks, bad.into_iter().map(|(row, _)| row));
            return Err(self.not_finite(None, value, rows.collect()));
        }
        Ok(())
    }
}

/// Numbers the parameters in the order in which they are visited.
///
/// Burn draws numbers at random, and the state of an optimizer is kept under them. With numbers that the structure of a
/// module alone decides, a state that was saved finds its parameters in another process.
fn with_ids_by_order<M: Module>(module: M) -> M {
    struct Number(u64);
    impl ModuleMapper for Number {
        fn map_float<const D: usize>(&mut self, mut param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.id = ParamId::from(self.0);
            self.0 += 1;
            param
        }
    }
    module.map(&mut Number(0))
}
