//! The loop of a run: steps, evaluations, checkpoints, and what happens when it ends early.

use std::path::PathBuf;

use burn::module::Module;
use mtpt_io::fs::DirLock;
use mtpt_tasks::{Batch, Task};
use serde_json::Value;

use crate::error::{Error, Result, error_line};
use crate::objective::loss::Objective;
use crate::output::checkpoint_schedule::CheckpointSchedule;
use crate::output::error::CheckpointError;
use crate::output::run_dir::RunDir;
use crate::run::evaluation_policy::{EvaluationPolicy, FirstEvaluation};
use crate::run::non_finite::{NotFinite, is_finite};
use crate::run::observer::{MeanEvent, Observer, ReadyEvent};
use crate::run::progress::Progress;
use crate::run::state::{BeforeLast, Best, RunState};
use crate::run::trainer::Trainer;

/// The parts of a run that differ between prompt tuning and pretraining.
pub(crate) trait Workload<M: Module> {
    /// The loss to minimize.
    type Objective: Objective<M>;
    /// Result of one evaluation on `dev`.
    type Evaluation;

    /// Returns the loss to minimize.
    fn objective(&self) -> &Self::Objective;

    /// Returns the tasks that examples come from.
    fn tasks(&self) -> impl Iterator<Item = &Task>;

    /// Returns the micro-batches of a step, counted from 0: a pure function of the step.
    fn batches(&self, module: &M, step: usize) -> Result<Vec<Batch>>;

    /// Returns whether anything has a `dev` split.
    fn has_dev(&self) -> bool;

    /// Evaluates a module on `dev` and reports every value, or returns none if the observer stops
    /// the run in between.
    fn evaluate(
        &self,
        module: &M,
        step: usize,
        observer: &mut impl Observer,
    ) -> Result<Option<Self::Evaluation>>;

    /// Returns the score of an evaluation, higher for a better module.
    fn score(&self, evaluation: &Self::Evaluation) -> Option<f64>;

    /// Reports the score of an evaluation and the best one so far.
    fn report_score(&self, _event: &MeanEvent<'_>, _observer: &mut impl Observer) -> Result<()> {
        Ok(())
    }

    /// Writes the resolved configuration.
    fn write_config(&mut self, dir: &RunDir) -> Result<()>;

    /// Removes the results of an earlier run.
    fn remove_results(&self, _dir: &RunDir) -> Result<()> {
        Ok(())
    }

    /// Writes the best module so far.
    fn save(&self, _module: &M, _step: usize, _dir: &RunDir) -> Result<()> {
        Ok(())
    }

    /// Prepares the comparison of results with baselines, after so many steps of earlier processes.
    fn prepare(
        &mut self,
        _dir: &RunDir,
        _steps_done: usize,
        _observer: &mut impl Observer,
    ) -> Result<()> {
        Ok(())
    }

    /// Receives the evaluation before the first step, if it is only a baseline.
    fn set_before(&mut self, _evaluation: &Self::Evaluation, _dir: &RunDir) -> Result<()> {
        Ok(())
    }

    /// Writes the results and the outcome of a run that reached its end.
    fn write_outcome(
        &self,
        _completed: &Completed<M, Self::Evaluation>,
        _dir: &RunDir,
        _observer: &mut impl Observer,
    ) -> Result<()> {
        Ok(())
    }
}

/// Where a run writes, and whether it resumes an earlier one there.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) dir: RunDir,
    pub(crate) resume: bool,
}

/// Settings of a session.
pub(crate) struct Settings {
    pub(crate) evaluation: EvaluationPolicy,
    /// Steps between checkpoints; 0 writes one only if the run ends early.
    pub(crate) checkpoint_every: usize,
    /// Identity of the run, see [`RunIdentity`](crate::run::identity::RunIdentity).
    pub(crate) identity: Value,
    pub(crate) output: Option<Output>,
}

/// Result of a completed session.
pub(crate) struct Completed<M, E> {
    /// The best module, or the last one, without autodiff.
    pub(crate) module: M,
    /// The step that it is from.
    pub(crate) step: usize,
    /// Its score, if the best module was tracked.
    pub(crate) score: Option<f64>,
    /// Its evaluation, unless an earlier process did it.
    pub(crate) evaluation: Option<E>,
    /// Step after which the run ended, if it ended early for lack of progress.
    pub(crate) stopped_early: Option<usize>,
}

/// A run of a workload, from its first step or a checkpoint to its end.
pub(crate) struct Session<M: Module, W: Workload<M>> {
    workload: W,
    policy: EvaluationPolicy,
    state: RunState<M>,
    /// Step and result of the evaluation of the module that the run would return now.
    evaluation: Option<(usize, W::Evaluation)>,
    checkpoints: CheckpointSchedule,
    dir: Option<RunDir>,
    /// Whether the log may contain values of an evaluation that isn't part of the run.
    has_stale_evaluation: bool,
    /// Keeps other processes from writing to the directory.
    _lock: Option<DirLock>,
}

impl<M: Module, W: Workload<M>> Session<M, W> {
    /// Prepares a run: restores its newest checkpoint if it resumes, or removes the results of an
    /// earlier run.
    pub(crate) fn start(
        mut workload: W,
        trainer: Trainer<M>,
        settings: Settings,
        observer: &mut impl Observer,
    ) -> Result<Self> {
        let Settings { evaluation: policy, checkpoint_every, identity, output } = settings;
        let lock = output.as_ref().map(|output| output.dir.lock()).transpose()?;
        let dir = output.as_ref().map(|output| &output.dir);
        let mut checkpoints = CheckpointSchedule::new(dir, checkpoint_every, identity);
        let mut state = RunState::new(trainer);
        let mut has_stale_evaluation = false;
        if let Some(Output { dir, resume }) = &output {
            if *resume {
                state = checkpoints.resume(state.trainer, observer)?;
                if !checkpoints.has_any() && dir.is_complete() {
                    let path = dir.path().to_owned();
                    return Err(CheckpointError::NoCheckpoint { path }.into());
                }
            }
            let (steps_done, steps) = (state.trainer.steps_done(), state.trainer.steps());
            if steps_done > 0 && !policy.is_due(steps_done, steps) {
                has_stale_evaluation = state.undo_last_evaluation();
            }
            // Results of an earlier run are removed only now that this one is sure to start.
            dir.remove_temporary_files()?;
            workload.write_config(dir)?;
            if !resume {
                dir.remove_checkpoints()?;
                workload.remove_results(dir)?;
            }
        }
        let is_first = state.trainer.steps_done() == 0 && policy.first != FirstEvaluation::None;
        state.evaluation_pending |= is_first;
        let resume = output.as_ref().is_some_and(|output| output.resume);
        let dir = output.map(|output| output.dir);
        let session = Self {
            workload,
            policy,
            state,
            evaluation: None,
            checkpoints,
            dir,
            has_stale_evaluation,
            _lock: lock,
        };
        if let Some(dir) = session.dir.as_ref().filter(|_| !session.is_done()) {
            // The outcome of a shorter run.
            dir.remove_outcome()?;
        }
        observer.ready(&ReadyEvent {
            dir: session.dir.as_ref().map(RunDir::path),
            steps_done: session.state.trainer.steps_done(),
            steps: session.state.trainer.steps(),
            resume,
            is_complete: session.is_done() && !session.state.evaluation_pending,
            evaluation_every: policy.every,
        })?;
        Ok(session)
    }

    /// Runs the remaining steps and writes logs, checkpoints and the best module.
    pub(crate) fn run(
        self,
        observer: &mut impl Observer,
    ) -> Result<(W, Completed<M, W::Evaluation>)> {
        match &self.dir {
            None => self.run_steps(observer),
            Some(dir) => {
                let steps_done = self.state.trainer.steps_done();
                let stale = self.state.evaluation_pending || self.has_stale_evaluation;
                let mut logs = dir.open_logs(steps_done, stale)?;
                self.run_steps(&mut (&mut logs, observer))
            }
        }
    }

    fn run_steps(
        mut self,
        observer: &mut impl Observer,
    ) -> Result<(W, Completed<M, W::Evaluation>)> {
        if let Some(dir) = &self.dir {
            self.workload.prepare(dir, self.state.trainer.steps_done(), observer)?;
        }
        if self.state.evaluation_pending {
            self.evaluate(observer)?;
            if self.state.trainer.steps_done() > 0 {
                self.write_checkpoint_if_due(observer)?;
            }
        }
        while !self.is_done() {
            let step = self.state.trainer.steps_done();
            let batches = self.workload.batches(self.state.trainer.module(), step)?;
            let report = match self.state.trainer.step(self.workload.objective(), &batches) {
                Ok(report) => report,
                Err(Error::NotFinite(problem)) => return Err(self.fail(problem, observer)),
                Err(error) => return Err(error),
            };
            let trainer = &self.state.trainer;
            trainer.report(&report, observer)?;
            self.state.evaluation_pending =
                self.policy.is_due(trainer.steps_done(), trainer.steps());
            if observer.stop() {
                return Err(self.stop(observer));
            }
            if self.state.evaluation_pending {
                self.evaluate(observer)?;
            }
            self.write_checkpoint_if_due(observer)?;
        }
        self.complete(observer)
    }

    fn complete(self, observer: &mut impl Observer) -> Result<(W, Completed<M, W::Evaluation>)> {
        let trainer = &self.state.trainer;
        let steps_done = trainer.steps_done();
        let stopped_early = (steps_done < trainer.steps()).then_some(steps_done);
        let (module, step, score) = match self.state.best {
            Some(best) => (best.module, best.step, Some(best.score)),
            None => (trainer.module().valid(), steps_done, None),
        };
        if let Some(dir) = &self.dir {
            self.workload.save(&module, step, dir)?;
        }
        if let (Some(step), Some(patience)) = (stopped_early, self.policy.patience) {
            observer.note(&Progress::end(step, patience));
        }
        let evaluation = self.evaluation.filter(|(evaluated, _)| *evaluated == step);
        let evaluation = evaluation.map(|(_, evaluation)| evaluation);
        let completed = Completed { module, step, score, evaluation, stopped_early };
        if let Some(dir) = &self.dir {
            self.workload.write_outcome(&completed, dir, observer)?;
        }
        Ok((self.workload, completed))
    }

    /// Returns whether all steps are done or the run has run out of patience.
    fn is_done(&self) -> bool {
        let RunState { trainer, best, .. } = &self.state;
        trainer.steps_done() >= trainer.steps()
            || best.as_ref().is_some_and(|best| best.progress.is_over(self.policy.patience))
    }

    /// Evaluates the current module, and stores it if it is the best so far and the best is kept.
    fn evaluate(&mut self, observer: &mut impl Observer) -> Result<()> {
        let step = self.state.trainer.steps_done();
        let steps = self.state.trainer.steps();
        let is_last_only = !self.policy.is_due(step, usize::MAX);
        let module = self.state.trainer.module().valid();
        let is_baseline = step == 0 && self.policy.first == FirstEvaluation::Baseline;
        let evaluation = match self.workload.evaluate(&module, step, observer) {
            Ok(Some(evaluation)) => evaluation,
            Ok(None) => return Err(self.stop(observer)),
            // The first step explains it better.
            Err(Error::Infer(mtpt_infer::Error::NotFinite { .. })) if is_baseline => {
                self.state.evaluation_pending = false;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.state.evaluation_pending = false;
        if is_baseline {
            let workload = &mut self.workload;
            let set_before = |dir| workload.set_before(&evaluation, dir);
            return self.dir.as_ref().map_or(Ok(()), set_before);
        }
        self.state.before_last =
            (step == steps && is_last_only).then(|| BeforeLast { best: self.state.best.clone() });
        let is_returned = match self.workload.score(&evaluation) {
            Some(score) if self.policy.keep_best => {
                self.update_best(module, step, score, observer)?
            }
            _ => true,
        };
        if is_returned {
            self.evaluation = Some((step, evaluation));
        }
        Ok(())
    }

    /// Stores a module if it is the best so far, and returns whether it is.
    fn update_best(
        &mut self,
        module: M,
        step: usize,
        score: f64,
        observer: &mut impl Observer,
    ) -> Result<bool> {
        let best = &mut self.state.best;
        let before = best.as_ref().map(|best| best.progress);
        let progress = Progress::after(before, score, self.policy.min_delta);
        let is_best = best.as_ref().is_none_or(|best| score > best.score);
        let earlier = best.as_ref().filter(|_| !is_best);
        let (best_step, best_value) = earlier.map_or((step, score), |best| (best.step, best.score));
        let event = MeanEvent { step, split: "dev", value: score, best_step, best_value };
        self.workload.report_score(&event, observer)?;
        if is_best {
            if let Some(dir) = &self.dir {
                self.workload.save(&module, step, dir)?;
            }
            *best = Some(Best { module, step, score, progress });
        } else if let Some(best) = best {
            best.progress = progress;
        }
        Ok(is_best)
    }

    /// Writes a checkpoint after a step and its evaluation, if one is due.
    fn write_checkpoint_if_due(&mut self, observer: &mut impl Observer) -> Result<()> {
        let is_last = self.is_done();
        self.checkpoints.write_if_due(&self.state, is_last, observer)
    }

    /// Saves the run's progress and returns the error of a run that its observer stopped.
    fn stop(&mut self, observer: &mut impl Observer) -> Error {
        let (step, steps) = (self.state.trainer.steps_done(), self.state.trainer.steps());
        match self.save_progress(observer) {
            Ok(checkpoint) => Error::Stopped { step, steps, checkpoint },
            Err(error) => error,
        }
    }

    /// Saves the run's progress and returns the error of a run whose next step is not finite.
    fn fail(&mut self, mut problem: Box<NotFinite>, observer: &mut impl Observer) -> Error {
        problem.locate_examples(self.workload.tasks());
        // Before the first step there is nothing to save. The step before may also have been so
        // large that the module itself is not finite.
        if self.state.trainer.steps_done() > 0 && is_finite(self.state.trainer.module()) {
            match self.save_progress(observer) {
                Ok(checkpoint) => problem.checkpoint = checkpoint,
                Err(error) => observer.note(&error_line(&error)),
            }
        }
        problem.into()
    }

    /// Saves the state of a run that ends early, and returns the checkpoint's path.
    fn save_progress(&mut self, observer: &mut impl Observer) -> Result<Option<PathBuf>> {
        let checkpoint = self.checkpoints.write(&self.state, observer)?;
        // If nothing is evaluated, the last module is the best one.
        if let Some(dir) = &self.dir
            && !self.workload.has_dev()
        {
            let trainer = &self.state.trainer;
            self.workload.save(&trainer.module().valid(), trainer.steps_done(), dir)?;
        }
        Ok(checkpoint)
    }
}
