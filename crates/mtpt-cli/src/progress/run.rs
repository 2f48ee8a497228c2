use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mtpt::tasks::evaluation::{BaselinesRecord, EvaluationRecord};
use mtpt::tasks::{TaskId, Unit, format_value};
use mtpt::train::{EvaluationEvent, MeanEvent, Observer, ReadyEvent, Result, StepEvent};

use crate::number_format::{counted, thousands};
use crate::printable::printable;
use crate::progress::statistics::Statistics;
use crate::results::{baselines_line, run_results, run_table};
use crate::stdio::{message, note};
use crate::sweep::shared::SharedLines;

/// Number of progress lines over a whole run if there is no terminal.
const LINES: usize = 20;
/// Width of the tasks' losses in a progress line, in characters.
const LOSSES_WIDTH: usize = 60;

/// Shows the progress of a run: a bar in a terminal, occasional lines elsewhere.
pub(crate) struct RunProgress {
    bar: Option<ProgressBar>,
    start: Instant,
    statistics: Statistics,
    /// Whether the run has steps of an earlier process.
    is_resumed: bool,
    /// Baselines that results are compared with.
    baselines: Option<BaselinesRecord>,
    /// Tasks and metrics of the current evaluation so far.
    evaluated: Vec<(TaskId, String)>,
    /// End of the last step, or the time at which the first one could begin.
    last: Instant,
    /// Whether there was an evaluation since then.
    has_evaluation: bool,
    /// Whether nothing is left to do.
    is_complete: bool,
    /// Lines that the runs of a sweep print once.
    shared: SharedLines,
}

impl RunProgress {
    pub(crate) fn new(steps: usize, shared: SharedLines) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(steps as u64);
            let template = "[{bar:30}] {percent:>3} % {pos}/{len} {prefix}\n{msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        let now = Instant::now();
        Self {
            bar,
            start: now,
            statistics: Statistics::default(),
            is_resumed: false,
            baselines: None,
            evaluated: Vec::new(),
            last: now,
            has_evaluation: false,
            is_complete: false,
            shared,
        }
    }

    /// Returns the comparison of a value with the majority baseline, if there is one.
    fn comparison(&self, event: &EvaluationEvent<'_>) -> String {
        let baselines = self.baselines.as_ref().filter(|record| record.split == event.split);
        let tasks = baselines.map(|record| record.tasks.as_slice()).unwrap_or_default();
        let task = tasks.iter().find(|known| known.task == event.task.as_str());
        let metric = task.and_then(|task| {
            task.metrics.iter().find(|known| known.metric == event.metric)?.values.majority
        });
        metric.map_or_else(String::new, |majority| {
            format!(" (majority {})", format_value(event.metric, majority))
        })
    }

    /// Prints a line, in a sweep only if no earlier run has printed it.
    fn shared_line(&self, text: &str) {
        if self.shared.is_new(text) {
            self.line(text);
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| message(text)),
            None => message(text),
        }
    }
}

/// Clears the bar, so that the final messages start on a free line.
impl Drop for RunProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for RunProgress {
    fn ready(&mut self, event: &ReadyEvent<'_>) -> Result<()> {
        let ReadyEvent { steps_done, steps, .. } = *event;
        let done = format!("{} of {}", thousands(steps_done), counted(steps, "step"));
        if event.is_complete && steps_done < steps {
            self.line(&format!("already complete: ended early after {done}"));
        } else if event.is_complete {
            self.line(&format!("already complete: {done}"));
        } else if event.resume && steps_done > 0 {
            self.line(&format!("resuming at step {done}"));
        } else if let (true, Some(dir)) = (event.resume, event.dir) {
            let dir = dir.display();
            self.line(&format!("nothing to resume in `{dir}`: starting with the first step"));
        }
        self.is_resumed = steps_done > 0;
        self.is_complete = event.is_complete;
        self.statistics.set_evaluation_every(event.evaluation_every);
        self.last = Instant::now();
        if let Some(bar) = &self.bar {
            bar.set_position(steps_done as u64);
        }
        Ok(())
    }

    fn baselines(&mut self, record: &BaselinesRecord) -> Result<()> {
        if !self.is_resumed {
            for task in &record.tasks {
                self.shared_line(&baselines_line(task, &record.split));
            }
        }
        self.baselines = Some(record.clone());
        self.last = Instant::now();
        Ok(())
    }

    fn results(&mut self, record: &EvaluationRecord) -> Result<()> {
        if !self.shared.is_sweep() {
            run_results(record).iter().for_each(|line| self.line(line));
        } else if !self.is_complete {
            // The remarks about the best run follow at the end of the sweep.
            run_table(record).iter().for_each(|line| self.line(line));
        }
        Ok(())
    }

    fn step(&mut self, event: &StepEvent<'_>) -> Result<()> {
        self.evaluated.clear();
        self.statistics.add_step(event);
        let since_last = self.last.elapsed().as_secs_f64();
        self.statistics.add_time(since_last, event.seconds, self.has_evaluation);
        (self.last, self.has_evaluation) = (Instant::now(), false);
        let elapsed = self.start.elapsed();
        match &self.bar {
            Some(bar) => {
                bar.set_position(event.step as u64);
                bar.set_prefix(self.statistics.bar_times(elapsed));
                let (_, width) = console::Term::stderr().size();
                bar.set_message(self.statistics.bar_text(usize::from(width)));
            }
            None => {
                let every = event.steps.div_ceil(LINES);
                if event.step.is_multiple_of(every) || event.step == event.steps {
                    message(&self.statistics.line(LOSSES_WIDTH));
                }
            }
        }
        Ok(())
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> Result<()> {
        let EvaluationEvent { step, split, task, metric, value, .. } = event;
        let text = format_value(metric, *value) + &self.comparison(event);
        let line = format!("step {step}: {task} {split} {metric} {text}");
        if *step == 0 {
            self.shared_line(&line);
        } else {
            self.line(&line);
        }
        self.has_evaluation = true;
        if *metric != EvaluationEvent::LOSS {
            self.evaluated.push(((*task).clone(), (*metric).to_owned()));
        }
        Ok(())
    }

    fn mean(&mut self, event: &MeanEvent<'_>) -> Result<()> {
        let mut evaluated = std::mem::take(&mut self.evaluated);
        let unit = Unit::of_mean(evaluated.iter().map(|(_, metric)| metric.as_str()));
        self.statistics.add_mean(event, unit);
        let MeanEvent { step, split, value, best_step, .. } = event;
        // The mean of a single task would repeat its metrics.
        evaluated.dedup_by(|(first, _), (second, _)| first == second);
        let tasks = evaluated.len();
        if tasks > 1 {
            let best = if best_step == step { " (best so far)" } else { "" };
            let value = unit.format(*value);
            self.line(&format!("step {step}: mean of {tasks} tasks {split} {value}{best}"));
        }
        Ok(())
    }

    fn status(&mut self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(printable(text).into_owned());
        }
    }

    fn note(&mut self, text: &str) {
        self.shared_line(&note(text));
    }
}
