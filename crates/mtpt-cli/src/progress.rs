#![expect(clippy::print_stderr, reason = "the one place that speaks to the person at the terminal")]

use std::error::Error;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use mtpt::train::{EvaluationEvent, Observer, Result, StepEvent};

/// Says what went wrong, with its causes and what may help, in one line.
pub(crate) fn complain(error: &dyn Error, advice: Option<String>) {
    let mut line = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Errors that pass another on say the same words.
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
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
    /// Smoothed loss: that of one step says little.
    loss: Option<f64>,
    /// Since this process began: a resumed run has steps that took it no time.
    steps: usize,
    rows: usize,
    seconds: f64,
}

/// Weight of the newest step in the smoothed loss.
const NEWEST: f64 = 0.1;
/// Lines without a terminal, over the whole run.
const LINES: usize = 20;

impl Progress {
    pub(crate) fn new(steps: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(steps as u64);
            let template = "{bar:30} {pos}/{len} steps, {elapsed} gone, {eta} to go, {msg}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        Self { bar, loss: None, steps: 0, rows: 0, seconds: 0.0 }
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
        let loss = match self.loss {
            Some(loss) => loss + NEWEST * (event.loss - loss),
            None => event.loss,
        };
        self.loss = Some(loss);
        self.steps += 1;
        self.rows += event.rows;
        self.seconds += event.seconds;
        let rate = self.rows as f64 / self.seconds.max(1e-9);
        match &self.bar {
            Some(bar) => {
                bar.set_position(event.step as u64);
                bar.set_message(format!("loss {loss:.3}, {rate:.0} rows/s"));
            }
            None => {
                let every = event.steps.div_ceil(LINES);
                if event.step.is_multiple_of(every) || event.step == event.steps {
                    let left = (event.steps - event.step) as f64 * self.seconds / self.steps as f64;
                    eprintln!(
                        "step {}/{}, loss {loss:.3}, {rate:.0} rows/s, {left:.0} s to go",
                        event.step, event.steps
                    );
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
