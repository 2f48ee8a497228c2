//! Live view of training: a line per task under its group.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mtpt::infer::TaskData;
use mtpt::tasks::{TaskId, TaskTree};
use mtpt::train::{EvaluationEvent, Observer, StepEvent};
use mtpt_examples::Result;

/// Weight of the newest step in the smoothed loss.
const NEWEST: f64 = 0.1;

/// A table that is redrawn in a terminal; elsewhere, a line per evaluation.
pub struct Live {
    screen: Option<Screen>,
    tasks: HashMap<TaskId, Standing>,
    order: Vec<TaskId>,
    begun: Instant,
    steps: usize,
    step: usize,
}

/// Current state of a task.
#[derive(Default)]
struct Standing {
    metric: &'static str,
    loss: Option<f64>,
    held_out: Option<f64>,
}

struct Screen {
    /// The header and the groups; dropping a line removes it from the screen.
    texts: Vec<ProgressBar>,
    tasks: HashMap<TaskId, ProgressBar>,
    time: ProgressBar,
}

impl Live {
    /// Returns the table before the first step; `majority` is the metric of the majority label.
    pub fn new(tree: &TaskTree, data: &[TaskData], majority: &[f64], steps: usize) -> Result<Self> {
        let standing = |data: &TaskData| {
            let metric = data.task().metrics()[0].name();
            (data.task().id().clone(), Standing { metric, ..Standing::default() })
        };
        let order: Vec<TaskId> = data.iter().map(|data| data.task().id().clone()).collect();
        let screen =
            std::io::stderr().is_terminal().then(|| Screen::new(tree, &order, majority, steps));
        let tasks = data.iter().map(standing).collect();
        let screen = screen.transpose()?;
        Ok(Self { screen, tasks, order, begun: Instant::now(), steps, step: 0 })
    }

    /// Removes the table from the screen before the final one.
    pub fn finish(&mut self) {
        let Some(Screen { texts, tasks, time }) = self.screen.take() else { return };
        for line in texts.iter().chain(tasks.values()).chain([&time]) {
            line.finish_and_clear();
        }
    }

    /// Returns a line for output that isn't a terminal.
    fn say(&self) {
        let gone = self.begun.elapsed().as_secs_f64();
        let left = gone / self.step.max(1) as f64 * (self.steps - self.step) as f64;
        let percent = |name: &TaskId| {
            let held_out = self.tasks.get(name)?.held_out?;
            Some(format!("{name} {:.1}", 100.0 * held_out))
        };
        let tasks: Vec<String> = self.order.iter().filter_map(percent).collect();
        let losses: Vec<f64> = self.tasks.values().filter_map(|task| task.loss).collect();
        let loss = losses.iter().sum::<f64>() / losses.len().max(1) as f64;
        eprintln!(
            "step {}/{}, {left:.0} s left, loss {loss:.3}; held out: {}",
            self.step,
            self.steps,
            tasks.join(", ")
        );
    }
}

impl Screen {
    fn new(tree: &TaskTree, order: &[TaskId], majority: &[f64], steps: usize) -> Result<Self> {
        let lines = MultiProgress::new();
        let width =
            2 + tree.nodes().map(|node| node.name().len() + 2 * node.depth()).max().unwrap_or(0);
        let text = |text: String| -> Result<ProgressBar> {
            let line = lines.add(ProgressBar::new(0));
            line.set_style(ProgressStyle::with_template("{msg}")?);
            line.set_message(text);
            Ok(line)
        };
        let mut texts = vec![text(format!(
            "{:width$}{:>7}  {:>8}  {:>8}",
            "", "loss", "held out", "majority"
        ))?];
        let mut tasks = HashMap::new();
        for node in tree.nodes().skip(1) {
            let name = format!("{:indent$}{}", "", node.name(), indent = 2 * (node.depth() - 1));
            let Some(task) = node.task() else {
                texts.push(text(name)?);
                continue;
            };
            // The bar shows the metric, from 0 to 1 in thousandths.
            let line = lines.add(ProgressBar::new(1_000));
            let template =
                format!("{{prefix:{width}}}{{msg}}  {:8.1}  {{bar:30}}", 100.0 * majority[task]);
            line.set_style(ProgressStyle::with_template(&template)?.progress_chars("█▌ "));
            line.set_prefix(name);
            line.set_message(message(&Standing::default()));
            tasks.insert(order[task].clone(), line);
        }
        let time = lines.add(ProgressBar::new(steps as u64));
        time.set_style(ProgressStyle::with_template(
            "{pos}/{len} steps  {bar:30}  [{elapsed} elapsed, {eta} left]",
        )?);
        time.enable_steady_tick(Duration::from_millis(500));
        Ok(Self { texts, tasks, time })
    }
}

/// Formats loss and metric in columns.
fn message(standing: &Standing) -> String {
    let number = |value: Option<f64>, places: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.places$}"))
    };
    let held_out = standing.held_out.map(|value| 100.0 * value);
    format!("{:>7}  {:>8}", number(standing.loss, 3), number(held_out, 1))
}

impl Observer for Live {
    fn step(&mut self, event: &StepEvent<'_>) -> mtpt::train::Result<()> {
        if self.step == 0 {
            self.begun = Instant::now();
            if let Some(screen) = &self.screen {
                screen.time.reset();
            }
        }
        self.step = event.step;
        for (name, loss) in event.task_losses {
            let Some(standing) = self.tasks.get_mut(name) else { continue };
            let before = standing.loss.unwrap_or(*loss);
            standing.loss = Some(before + NEWEST * (loss - before));
            if let Some(line) = self.screen.as_ref().and_then(|screen| screen.tasks.get(name)) {
                line.set_message(message(standing));
            }
        }
        if let Some(screen) = &self.screen {
            screen.time.set_position(event.step as u64);
        }
        Ok(())
    }

    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> mtpt::train::Result<()> {
        let Some(standing) = self.tasks.get_mut(event.task) else { return Ok(()) };
        if event.metric != standing.metric {
            return Ok(());
        }
        standing.held_out = Some(event.value);
        match &self.screen {
            Some(screen) => {
                if let Some(line) = screen.tasks.get(event.task) {
                    line.set_position((1_000.0 * event.value.clamp(0.0, 1.0)) as u64);
                    line.set_message(message(standing));
                }
            }
            None if self.order.last() == Some(event.task) => self.say(),
            None => {}
        }
        Ok(())
    }
}
