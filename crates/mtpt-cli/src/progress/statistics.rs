//! Running statistics of training, formatted for a progress line or bar. Nothing here prints.

use std::time::Duration;

use mtpt::tasks::Unit;
use mtpt::train::{MeanEvent, StepEvent};

use crate::number_format::{clock, learning_rate, remaining_time};

/// Weight of the newest step in a running mean of the loss. The loss of a single step is noisy.
const NEWEST: f64 = 0.1;

/// Running statistics of a run.
#[derive(Default)]
pub(crate) struct Statistics {
    step: usize,
    steps: usize,
    loss: Option<f64>,
    /// Running mean of the loss of each task seen so far, in order of appearance.
    tasks: Vec<(String, f64)>,
    learning_rate: f64,
    /// Steps since this process started. A resumed run has earlier steps.
    steps_here: usize,
    rows: usize,
    seconds: f64,
    /// Time of all steps here with everything around them but evaluations, in seconds.
    steps_seconds: f64,
    /// Duration of the newest evaluation with its checkpoint, in seconds; 0 before the first one.
    evaluation_seconds: f64,
    /// Steps between evaluations; 0 if there is only one, after the last step.
    evaluation_every: usize,
    /// Best mean over tasks as text, and its step.
    best: Option<(usize, String)>,
}

fn running_mean(before: f64, newest: f64) -> f64 {
    before + NEWEST * (newest - before)
}

impl Statistics {
    /// Adds a step.
    pub(crate) fn add_step(&mut self, event: &StepEvent<'_>) {
        (self.step, self.steps) = (event.step, event.steps);
        self.loss = Some(self.loss.map_or(event.loss, |loss| running_mean(loss, event.loss)));
        for (task, newest) in event.task_losses {
            match self.tasks.iter_mut().find(|(known, _)| known == task.as_str()) {
                Some((_, loss)) => *loss = running_mean(*loss, *newest),
                None => self.tasks.push((task.to_string(), *newest)),
            }
        }
        self.learning_rate = event.learning_rate;
        self.steps_here += 1;
        self.rows += event.rows;
        self.seconds += event.seconds;
    }

    /// Sets the number of steps between evaluations.
    pub(crate) fn set_evaluation_every(&mut self, steps: usize) {
        self.evaluation_every = steps;
    }

    /// Adds the time since the step before the newest one, in seconds. It includes `step`, that of
    /// the step, and an evaluation if there was one in between.
    pub(crate) fn add_time(&mut self, since_last: f64, step: f64, has_evaluation: bool) {
        if has_evaluation {
            self.steps_seconds += step;
            self.evaluation_seconds = (since_last - step).max(0.0);
        } else {
            self.steps_seconds += since_last;
        }
    }

    /// Adds the mean of an evaluation, with the unit of the metrics.
    pub(crate) fn add_mean(&mut self, event: &MeanEvent<'_>, unit: Unit) {
        self.best = Some((event.best_step, unit.format(event.best_value)));
    }

    /// Returns a complete progress line.
    pub(crate) fn line(&self, width: usize) -> String {
        let mut text = format!("step {}/{}, {}", self.step, self.steps, self.loss_text());
        if self.tasks.len() > 1 {
            text.push_str(&format!(" ({})", self.losses(width)));
        }
        let remaining = remaining_time(self.remaining());
        format!("{text}, {}, {remaining} left", self.pace())
    }

    /// Returns the times next to a progress bar, which shows the steps itself. `elapsed` is the
    /// time since this process started.
    pub(crate) fn bar_times(&self, elapsed: Duration) -> String {
        format!("[{} elapsed, {} left]", clock(elapsed), clock(self.remaining()))
    }

    /// Returns two lines below a progress bar, limited to `width` characters each.
    pub(crate) fn bar_text(&self, width: usize) -> String {
        let mut text = format!("{}, {}", self.loss_text(), self.pace());
        if let Some((step, value)) = &self.best {
            text.push_str(&format!(", best mean {value} at step {step}"));
        }
        let first: String = text.chars().take(width).collect();
        format!("{first}\n{}", self.losses(width))
    }

    /// Returns the losses of as many tasks as fit into `width` characters, at least one, in
    /// descending order of the loss.
    pub(crate) fn losses(&self, width: usize) -> String {
        let mut tasks: Vec<&(String, f64)> = self.tasks.iter().collect();
        tasks.sort_by(|(_, first), (_, second)| second.total_cmp(first));
        let first = |count: usize| {
            let mut text: Vec<String> =
                tasks[..count].iter().map(|(task, loss)| format!("{task} {loss:.3}")).collect();
            if count < tasks.len() {
                text.push(format!("{} more", tasks.len() - count));
            }
            text.join(", ")
        };
        let fits = |count: &usize| first(*count).chars().count() <= width;
        (2..=tasks.len()).rev().find(fits).map_or_else(|| first(tasks.len().min(1)), first)
    }

    fn loss_text(&self) -> String {
        format!("loss {:.3}", self.loss.unwrap_or(f64::NAN))
    }

    fn pace(&self) -> String {
        let rows_per_second = self.rows as f64 / self.seconds.max(1e-9);
        format!("lr {}, {rows_per_second:.0} rows/s", learning_rate(self.learning_rate))
    }

    /// Estimates the remaining time: that of the steps at their mean duration so far, and that of
    /// the evaluations still to come, also after the newest step.
    fn remaining(&self) -> Duration {
        let per_step = self.steps_seconds / self.steps_here.max(1) as f64;
        let steps = self.steps.saturating_sub(self.step) as f64;
        let evaluations = self.evaluations_left() as f64;
        let left = steps * per_step + evaluations * self.evaluation_seconds;
        Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX)
    }

    fn evaluations_left(&self) -> usize {
        let every = self.evaluation_every;
        if every == 0 {
            return 1;
        }
        let last = usize::from(!self.steps.is_multiple_of(every));
        self.steps / every - self.step.saturating_sub(1) / every + last
    }
}

#[cfg(test)]
mod tests {
    use mtpt::tasks::TaskId;

    use super::*;

    fn add_step(statistics: &mut Statistics, step: usize, losses: &[(&str, f64)]) {
        let losses: Vec<(TaskId, f64)> =
            losses.iter().map(|(task, loss)| (TaskId::new(task).unwrap(), *loss)).collect();
        statistics.add_step(&StepEvent {
            step,
            steps: 100,
            loss: losses.iter().map(|(_, loss)| loss).sum::<f64>() / losses.len() as f64,
            auxiliary_losses: &[],
            task_losses: &losses,
            learning_rate: 0.3,
            task_learning_rate: None,
            gradient_norm: 1.0,
            rows: 32,
            seconds: 0.5,
        });
        statistics.add_time(1.0, 0.5, false);
    }

    #[test]
    fn line_shows_losses_pace_and_remaining_time() {
        let mut statistics = Statistics::default();
        add_step(&mut statistics, 11, &[("a", 1.0), ("group/b", 3.0)]);
        let second = Duration::from_secs(1);
        let expected =
            "step 11/100, loss 2.000 (group/b 3.000, a 1.000), lr 0.3, 64 rows/s, 89 s left";
        assert_eq!(statistics.line(60), expected);
        // A task without examples in a step keeps its loss.
        add_step(&mut statistics, 12, &[("a", 2.0)]);
        assert_eq!(statistics.bar_times(2 * second), "[00:02 elapsed, 01:28 left]");
        let (line, losses) = ("loss 2.000, lr 0.3, 64 rows/s", "group/b 3.000, a 1.100");
        assert_eq!(statistics.bar_text(60), format!("{line}\n{losses}"));
        assert_eq!(statistics.bar_text(10), "loss 2.000\ngroup/b 3.000, 1 more");
        let mean = MeanEvent { step: 12, split: "dev", value: 0.5, best_step: 9, best_value: 0.75 };
        statistics.add_mean(&mean, Unit::Percent);
        let expected = format!("{line}, best mean 75.0 % at step 9\n{losses}");
        assert_eq!(statistics.bar_text(60), expected);
    }

    #[test]
    fn remaining_time_is_that_of_steps_and_evaluations_to_come() {
        let mut statistics = Statistics::default();
        statistics.set_evaluation_every(40);
        let (step, before) = (2.0, 30.0);
        let mut add = |number, since_last, has_evaluation| {
            add_step(&mut statistics, number, &[("a", 1.0)]);
            statistics.steps_seconds -= 1.0;
            statistics.add_time(since_last, step, has_evaluation);
            (statistics.evaluations_left(), statistics.remaining().as_secs_f64())
        };
        // The evaluation before the first step is the measure of those after steps 40, 80 and 100.
        assert_eq!(add(1, before + step, true), (3, 99.0 * step + 3.0 * before));
        assert_eq!(add(2, step, false), (3, 98.0 * step + 3.0 * before));
        assert_eq!(add(40, step, false), (3, 60.0 * step + 3.0 * before));
        // A later one is a better measure.
        assert_eq!(add(41, 20.0 + step, true), (2, 59.0 * step + 2.0 * 20.0));
        assert_eq!(add(99, step, false), (1, step + 20.0));
        statistics.set_evaluation_every(0);
        assert_eq!(statistics.evaluations_left(), 1);
    }

    #[test]
    fn loss_of_a_single_task_is_not_repeated() {
        let mut statistics = Statistics::default();
        add_step(&mut statistics, 100, &[("a", 0.25)]);
        let line = statistics.line(60);
        assert_eq!(line, "step 100/100, loss 0.250, lr 0.3, 64 rows/s, 0 s left");
    }

    #[test]
    fn highest_losses_are_shown_if_not_all_fit() {
        let mut statistics = Statistics::default();
        let names: Vec<String> = (0..20).map(|task| format!("task{task}")).collect();
        let losses: Vec<(&str, f64)> =
            names.iter().zip(0..).map(|(name, task)| (name.as_str(), f64::from(task))).collect();
        add_step(&mut statistics, 1, &losses);
        assert_eq!(statistics.losses(40), "task19 19.000, task18 18.000, 18 more");
        assert_eq!(statistics.losses(36), "task19 19.000, 19 more");
        assert_eq!(statistics.losses(1), "task19 19.000, 19 more");
        for width in 22..400 {
            assert!(statistics.losses(width).len() <= width, "{width}");
        }
        assert!(statistics.losses(1000).ends_with("task0 0.000"));
        assert_eq!(Statistics::default().losses(80), "");
    }
}
