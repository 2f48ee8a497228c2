#![expect(clippy::print_stderr, reason = "the one place that speaks to the person at the terminal")]

use std::error::Error;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mtpt::tasks::TaskId;
use mtpt::train::{EvaluationEvent, MeanEvent, Observer, Result, StepEvent, error_line};

use crate::course::Course;

/// Says what went wrong, with its causes and what may help, in one line.
pub(crate) fn complain(error: &dyn Error, advice: Option<String>) {
    let mut line = format!("error: {}", error_line(error));
    if let Some(advice) = advice {
        line.push_str("; ");
        line.push_str(&advice);
    }
    eprintln!("{}", line.replace('\n', " "));
}

/// Says something worth knowing.
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

/// Shows the course of training: a bar in a terminal, now and then a line elsewhere.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    begun: Instant,
    course: Course,
    /// Tasks of the evaluation at hand.
    judged: Vec<TaskId>,
}

/// Lines without a terminal, over the whole run.
const LINES: usize = 20;
/// Characters that a line without a terminal gives to the losses of tasks.
const LOSSES_WIDTH: usize = 60;

impl Progress {
    pub(crate) fn new(steps: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(steps as u64);
            let template = "{bar:30} {pos}/{len} steps, {elapsed} gone\n{wide_msg}\n{prefix}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        Self { bar, begun: Instant::now(), course: Course::default(), judged: Vec::new() }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }
}

/// The bar makes room for what is said last.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn step(&mut self, event: &StepEvent<'_>) -> Result<()> {
        self.judged.clear();
        self.course.step(event);
        let gone = self.begun.elapsed();
        match &self.bar {
            Some(bar) => {
                bar.set_position(event.step as u64);
                bar.set_message(self.course.beside_bar(gone));
                let (_, width) = console::Term::stderr().size();
                bar.set_prefix(self.course.losses(usize::from(width)));
            }
            None => {
                let every = event.steps.div_ceil(LINES);
                if event.step.is_multiple_of(every) || event.step == event.steps {
                    eprintln!("{}", self.course.line(gone, LOSSES_WIDTH));
                }
            }
        }
        Ok(())
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        let EvaluationEvent { step, split, task, metric, value } = event;
        // A loss is in nats, all else is a share.
        let value = match *metric {
            EvaluationEvent::LOSS => format!("{value:.4}"),
            _ => format!("{:.1}", 100.0 * value),
        };
        self.line(&format!("step {step}: {task} {split} {metric} {value}"));
        if self.judged.last() != Some(*task) {
            self.judged.push((*task).clone());
        }
        Ok(())
    }

    fn mean(&mut self, event: &MeanEvent<'_>) -> Result<()> {
        self.course.mean(event);
        let MeanEvent { step, split, value, best_step, .. } = event;
        // Of one task, its own figures say it all.
        let tasks = std::mem::take(&mut self.judged).len();
        if tasks > 1 {
            let best = if best_step == step { ", the best so far" } else { "" };
            let value = 100.0 * value;
            self.line(&format!("step {step}: mean of {tasks} tasks {split} {value:.1}{best}"));
        }
        Ok(())
    }

    fn remark(&mut self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }

    fn note(&mut self, text: &str) {
        self.line(&format!("note: {text}"));
    }
}
