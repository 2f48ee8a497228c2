use mtpt::train::{BeginEvent, EvaluationEvent, MeanEvent, Observer, Result, StepEvent};

use crate::commands::inspect::counted;
use crate::progress::{Progress, say};

/// Shows the course of several runs, one after the other.
#[derive(Default)]
pub(crate) struct StagesProgress {
    /// Of the run in progress.
    run: Option<Progress>,
}

impl Observer for StagesProgress {
    fn begin(&mut self, event: &BeginEvent<'_>) {
        // The bar of the run before makes room first.
        self.run = None;
        let BeginEvent { place, tasks, steps, trained_numbers } = event;
        let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
        let tasks = counted(*tasks, "task");
        say(&format!("{place}{tasks}, {trained_numbers} trained numbers, {steps} steps"));
        self.run = Some(Progress::new(*steps));
    }

    fn step(&mut self, event: &StepEvent<'_>) -> Result<()> {
        self.run.as_mut().map_or(Ok(()), |run| run.step(event))
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        self.run.as_mut().map_or(Ok(()), |run| run.evaluation(event))
    }

    fn mean(&mut self, event: &MeanEvent<'_>) -> Result<()> {
        self.run.as_mut().map_or(Ok(()), |run| run.mean(event))
    }

    fn remark(&mut self, text: &str) {
        if let Some(run) = &mut self.run {
            run.remark(text);
        }
    }

    fn note(&mut self, text: &str) {
        match &mut self.run {
            Some(run) => run.note(text),
            None => say(&format!("note: {text}")),
        }
    }
}
