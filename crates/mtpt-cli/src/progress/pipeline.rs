use mtpt::tasks::evaluation::{BaselinesRecord, EvaluationRecord};
use mtpt::train::{
    BeginEvent, EvaluationEvent, MeanEvent, Observer, ReadyEvent, Result, StepEvent,
};

use crate::number_format::{counted, thousands};
use crate::progress::run::RunProgress;
use crate::stdio::{message, note};
use crate::sweep::shared::SharedLines;

/// Shows the progress of the runs of a pipeline, one after the other.
pub(crate) struct PipelineProgress {
    /// Progress of the current run.
    run: Option<RunProgress>,
    /// Whether it is one of several.
    is_nested: bool,
    /// Lines that the runs of a sweep print once.
    shared: SharedLines,
}

impl PipelineProgress {
    pub(crate) fn new(shared: SharedLines) -> Self {
        Self { run: None, is_nested: false, shared }
    }
}

impl Observer for PipelineProgress {
    fn begin(&mut self, event: &BeginEvent<'_>) {
        // Clear the bar of the previous run first.
        self.run = None;
        let BeginEvent { dir, tasks, steps, trainable_parameters } = event;
        self.is_nested = !dir.is_empty();
        let dir = if dir.is_empty() { String::new() } else { format!("{dir}: ") };
        let (tasks, steps_text) = (counted(*tasks, "task"), counted(*steps, "step"));
        let parameters = thousands(*trainable_parameters);
        let line = format!("{dir}{tasks}, {parameters} trainable parameters, {steps_text}");
        if self.shared.is_new(&line) {
            message(&line);
        }
        self.run = Some(RunProgress::new(*steps, self.shared.clone()));
    }

    fn ready(&mut self, event: &ReadyEvent<'_>) -> Result<()> {
        // The later runs of an interrupted pipeline have nothing to resume.
        let resume = event.resume && (!self.is_nested || event.steps_done > 0);
        let event = ReadyEvent { resume, ..*event };
        self.run.as_mut().map_or(Ok(()), |run| run.ready(&event))
    }

    fn baselines(&mut self, record: &BaselinesRecord) -> Result<()> {
        self.run.as_mut().map_or(Ok(()), |run| run.baselines(record))
    }

    fn results(&mut self, record: &EvaluationRecord) -> Result<()> {
        self.run.as_mut().map_or(Ok(()), |run| run.results(record))
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

    fn status(&mut self, text: &str) {
        if let Some(run) = &mut self.run {
            run.status(text);
        }
    }

    fn note(&mut self, text: &str) {
        match &mut self.run {
            Some(run) => run.note(text),
            None if self.shared.is_new(text) => message(&note(text)),
            None => {}
        }
    }
}
