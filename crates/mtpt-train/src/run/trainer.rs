use std::time::Instant;

use burn::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::module::{Module, ModuleMapper, Param, ParamGroup, ParamId};
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::Tensor;
use mtpt_tasks::{Batch, TaskId};

use crate::config::optimizer::OptimizerConfig;
use crate::config::schedule::Schedule;
use crate::error::{Error, Result};
use crate::objective::loss::Objective;
use crate::optim::clip::clip_norm_of;
use crate::optim::from_config::{add_group, module_optimizer};
use crate::optim::parameter_group::GroupOptions;
use crate::run::non_finite::{
    NotFinite, TrainingExample, examples_to_blame, training_example, worst_gradient,
};
use crate::run::observer::{Observer, StepEvent};

/// Result of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// Mean negative log-likelihood of all target tokens of the step, in nats.
    pub loss: f64,
    /// Mean of each term that the objective adds to the loss, by name, weighted as it is added.
    pub auxiliary: Vec<(&'static str, f64)>,
    /// Sum of losses, in nats, and number of target tokens of each task, by the task's position;
    /// both are 0 for tasks without examples in the step.
    pub tasks: Vec<(f64, usize)>,
    /// Learning rate of parameters outside the group.
    pub learning_rate: f64,
    /// Learning rate of the parameter group, if it has its own.
    pub group_learning_rate: Option<f64>,
    /// Global norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Number of examples.
    pub rows: usize,
    /// Duration, in seconds.
    pub seconds: f64,
}

/// A module, its optimizer and the number of steps done.
///
/// The trainer knows neither where examples come from nor what the module is: [`step`](Self::step)
/// takes the batches of one step and an [`Objective`].
pub struct Trainer<M> {
    module: M,
    config: OptimizerConfig,
    optimizer: ModuleOptimizer,
    schedule: Schedule,
    /// Parameters with settings of their own.
    group: Option<(ParamGroup, GroupOptions)>,
    tasks: Vec<TaskId>,
    steps_done: usize,
}

impl<M: Module> Trainer<M> {
    /// Creates a trainer at step 0.
    ///
    /// The names of the tasks, by their positions, are for reports and messages.
    pub fn new(
        module: M,
        optimizer: &OptimizerConfig,
        schedule: Schedule,
        tasks: Vec<TaskId>,
    ) -> Self {
        Self {
            module: with_sequential_ids(module),
            config: optimizer.clone(),
            optimizer: module_optimizer(optimizer),
            schedule,
            group: None,
            tasks,
            steps_done: 0,
        }
    }

    /// Sets the optimizer settings of some parameters; to be called before the first step.
    ///
    /// The parameters are given by a function, since the trainer's module has other parameter ids
    /// than the module it was created from.
    #[must_use]
    pub fn with_group(
        mut self,
        parameters: impl FnOnce(&M) -> Vec<ParamId>,
        options: GroupOptions,
    ) -> Self {
        let group = ParamGroup::from_ids(parameters(&self.module));
        if let Some(weight_decay) = options.weight_decay {
            let config = self.config.clone().with_weight_decay(weight_decay);
            self.optimizer = add_group(self.optimizer, &config, group.clone());
        }
        self.group = Some((group, options));
        self
    }

    /// Returns the module in its current state.
    pub fn module(&self) -> &M {
        &self.module
    }

    /// Returns the module in its current state.
    pub fn into_module(self) -> M {
        self.module
    }

    /// Returns the total number of steps.
    pub fn steps(&self) -> usize {
        self.schedule.steps
    }

    /// Returns the number of steps done.
    pub fn steps_done(&self) -> usize {
        self.steps_done
    }

    /// Returns the optimizer with its state.
    pub(crate) fn optimizer(&self) -> &ModuleOptimizer {
        &self.optimizer
    }

    /// Sets the state to that of another trainer.
    pub(crate) fn restore(self, module: M, optimizer: ModuleOptimizer, steps_done: usize) -> Self {
        Self { module: with_sequential_ids(module), optimizer, steps_done, ..self }
    }

    /// Does one step of the optimizer on micro-batches.
    ///
    /// Every target token of the step has the same weight, whichever batch it is in: the gradient
    /// is that of one large batch.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`] when a loss or the gradient is not finite; the module is unchanged.
    ///
    /// # Panics
    ///
    /// When the task of an example is not one of the trainer's, or the module is not on a device
    /// with autodiff.
    pub fn step<O: Objective<M>>(
        &mut self,
        objective: &O,
        batches: &[Batch],
    ) -> Result<StepReport> {
        let start = Instant::now();
        let tokens: usize = batches.iter().map(Batch::target_tokens).sum();
        let mut tasks = vec![(0.0, 0); self.tasks.len()];
        let mut auxiliary: Vec<(&'static str, f64)> = Vec::new();
        let mut accumulator = GradientsAccumulator::<M>::new();
        for batch in batches {
            let (losses, gradients) = objective.differentiate(&self.module, batch, tokens)?;
            let total = (!losses.auxiliary.is_empty()).then(|| losses.total().inner());
            for (name, term) in losses.auxiliary {
                let sum = f64::from(term.inner().sum().into_scalar::<f32>()) / tokens as f64;
                match auxiliary.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, total)) => *total += sum,
                    None => auxiliary.push((name, sum)),
                }
            }
            self.accumulate_losses(batch, losses.nll.inner(), total, &mut tasks)?;
            if let Some(gradients) = gradients {
                accumulator.accumulate(&self.module, gradients);
            }
        }
        let mut gradients = accumulator.grads();
        let gradient_norm = self.clip(&mut gradients);
        if !gradient_norm.is_finite() {
            let of_batch = |batch: &_| objective.differentiate(&self.module, batch, tokens).ok()?.1;
            let examples = examples_to_blame(&self.module, batches, &self.tasks, of_batch);
            let (parameter, norm) = worst_gradient(&self.module, &gradients);
            // If every parameter's norm is finite, their sum isn't.
            let value = if norm.is_finite() { gradient_norm } else { norm };
            let rows = batches.iter().map(|batch| batch.rows().len()).sum();
            return Err(self.not_finite(Some(parameter), value, examples, rows));
        }
        let learning_rate = self.schedule.rate(self.steps_done);
        let group_learning_rate = self.group_rate().map(|(_, rate)| rate);
        let rates = self.rates(learning_rate);
        self.module = self.optimizer.step(rates, self.module.clone(), gradients);
        self.steps_done += 1;
        Ok(StepReport {
            loss: tasks.iter().map(|(sum, _)| sum).sum::<f64>() / tokens.max(1) as f64,
            tasks,
            auxiliary,
            learning_rate,
            group_learning_rate,
            gradient_norm,
            rows: batches.iter().map(|batch| batch.rows().len()).sum(),
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// Reports the step that was just done.
    pub(crate) fn report(&self, report: &StepReport, observer: &mut impl Observer) -> Result<()> {
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
            auxiliary_losses: &report.auxiliary,
            task_losses: &task_losses,
            learning_rate: report.learning_rate,
            task_learning_rate: report.group_learning_rate,
            gradient_norm: report.gradient_norm,
            rows: report.rows,
            seconds: report.seconds,
        })
    }

    fn not_finite(
        &self,
        parameter: Option<String>,
        value: f64,
        examples: Vec<TrainingExample>,
        rows: usize,
    ) -> Error {
        let (step, checkpoint) = (self.steps_done + 1, None);
        let learning_rate = self.steps_done.checked_sub(1).map(|step| self.schedule.rate(step));
        Box::new(NotFinite { step, parameter, value, examples, rows, learning_rate, checkpoint })
            .into()
    }

    /// Clips the gradients and returns their global norm before clipping.
    fn clip(&self, gradients: &mut GradientsParams) -> f64 {
        let limit = self.config.clip_norm();
        match &self.group {
            Some((group, GroupOptions { clip_norm: Some(group_limit), .. })) => {
                let inside = |id| group.matches(&id, None);
                let outside = |id| !inside(id);
                let first = clip_norm_of(&self.module, gradients, Some(*group_limit), &inside);
                let second = clip_norm_of(&self.module, gradients, limit, &outside);
                first.hypot(second)
            }
            _ => clip_norm_of(&self.module, gradients, limit, &|_| true),
        }
    }

    /// Returns the group and its learning rate in the next step, if it has its own.
    fn group_rate(&self) -> Option<(&ParamGroup, f64)> {
        let (group, options) = self.group.as_ref()?;
        Some((group, options.schedule?.rate(self.steps_done)))
    }

    /// Returns the learning rate of each parameter in the next step.
    fn rates(&self, learning_rate: f64) -> ModuleLearningRate {
        match self.group_rate() {
            Some((group, rate)) => {
                ModuleLrScheduler::new(learning_rate).with_group(group.clone(), rate).step()
            }
            None => learning_rate.into(),
        }
    }

    /// Adds the losses of a batch to those of their tasks, and checks that each example's total
    /// loss, including auxiliary terms, is finite.
    fn accumulate_losses(
        &self,
        batch: &Batch,
        losses: Tensor<1>,
        total: Option<Tensor<1>>,
        tasks: &mut [(f64, usize)],
    ) -> Result<()> {
        let read = |losses: Tensor<1>| -> Vec<f32> { losses.into_data().iter::<f32>().collect() };
        let losses = read(losses);
        let total = total.map(read);
        let (mut start, mut bad) = (0, Vec::new());
        for row in batch.rows() {
            let length = row.example.target_ids.len();
            let sum = |losses: &[f32]| -> f64 {
                losses[start..][..length].iter().map(|&loss| f64::from(loss)).sum()
            };
            let loss = sum(&losses);
            let total = total.as_deref().map_or(loss, sum);
            if !total.is_finite() {
                bad.push((row, total));
            }
            let (all, count) = &mut tasks[row.example.task];
            *all += loss;
            *count += length;
            start += length;
        }
        if let Some(&(_, value)) = bad.first() {
            let examples = bad.iter().map(|(row, _)| training_example(row, &self.tasks));
            let rows = batch.rows().len();
            return Err(self.not_finite(None, value, examples.collect(), rows));
        }
        Ok(())
    }
}

/// Assigns parameter ids in the order in which the parameters are visited.
///
/// Burn's ids are random, and the optimizer's state is stored under them. With ids that depend on
/// the structure of the module only, another process can load a saved state.
fn with_sequential_ids<M: Module>(module: M) -> M {
    struct Sequential(u64);
    impl ModuleMapper for Sequential {
        fn map_float<const D: usize>(&mut self, mut param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.id = ParamId::from(self.0);
            self.0 += 1;
            param
        }
    }
    module.map(&mut Sequential(0))
}
