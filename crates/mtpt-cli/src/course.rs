//! The course of training in words: what is known of it by now, and how it is told. Nothing here prints.

use std::time::Duration;

use mtpt::train::{MeanEvent, StepEvent};

/// Weight of the newest step in a smoothed loss: that of one step says little.
const NEWEST: f64 = 0.1;

/// What is known of a run by now.
#[derive(Default)]
pub(crate) struct Course {
    step: usize,
    steps: usize,
    loss: Option<f64>,
    /// Smoothed loss of each task that a step has held, in the order of their first rows.
    tasks: Vec<(String, f64)>,
    learning_rate: f64,
    /// Since this process began: a resumed run has steps that took it no time.
    steps_here: usize,
    rows: usize,
    seconds: f64,
    /// The best mean of the tasks, and its step.
    best: Option<(usize, f64)>,
}

fn smoothed(before: f64, newest: f64) -> f64 {
    before + NEWEST * (newest - before)
}

impl Course {
    /// A step is done.
    pub(crate) fn step(&mut self, event: &StepEvent<'_>) {
        (self.step, self.steps) = (event.step, event.steps);
        self.loss = Some(self.loss.map_or(event.loss, |loss| smoothed(loss, event.loss)));
        for (task, newest) in event.task_losses {
            match self.tasks.iter_mut().find(|(known, _)| known == task.as_str()) {
                Some((_, loss)) => *loss = smoothed(*loss, *newest),
                None => self.tasks.push((task.to_string(), *newest)),
            }
        }
        self.learning_rate = event.learning_rate;
        self.steps_here += 1;
        self.rows += event.rows;
        self.seconds += event.seconds;
    }

    /// All tasks were judged.
    pub(crate) fn mean(&mut self, event: &MeanEvent<'_>) {
        self.best = Some((event.best_step, event.best_value));
    }

    /// The whole in one line, as it stands among other lines; the time is that since this process began.
    pub(crate) fn line(&self, gone: Duration, width: usize) -> String {
        let mut text = format!("step {}/{}, {}", self.step, self.steps, self.loss_text());
        if self.tasks.len() > 1 {
            text.push_str(&format!(" ({})", self.losses(width)));
        }
        format!("{text}, {}, {} to go", self.pace(), spoken(self.to_go(gone)))
    }

    /// What stands beside a bar, which shows the steps itself.
    pub(crate) fn beside_bar(&self, gone: Duration) -> String {
        let mut text =
            format!("{} to go, {}, {}", spoken(self.to_go(gone)), self.loss_text(), self.pace());
        if let Some((step, value)) = self.best {
            text.push_str(&format!(", best mean {:.1} at step {step}", 100.0 * value));
        }
        text
    }

    /// The smoothed losses of as many tasks as fit into so many characters, the worst first; always one.
    pub(crate) fn losses(&self, width: usize) -> String {
        let mut tasks: Vec<&(String, f64)> = self.tasks.iter().collect();
        tasks.sort_by(|(_, first), (_, second)| second.total_cmp(first));
        let told = |count: usize| {
            let mut text: Vec<String> =
                tasks[..count].iter().map(|(task, loss)| format!("{task} {loss:.3}")).collect();
            if count < tasks.len() {
                text.push(format!("{} more", tasks.len() - count));
            }
            text.join(", ")
        };
        let fits = |count: &usize| told(*count).chars().count() <= width;
        (2..=tasks.len()).rev().find(fits).map_or_else(|| told(tasks.len().min(1)), told)
    }

    fn loss_text(&self) -> String {
        format!("loss {:.3}", self.loss.unwrap_or(f64::NAN))
    }

    fn pace(&self) -> String {
        let rate = self.rows as f64 / self.seconds.max(1e-9);
        format!("lr {}, {rate:.0} rows/s", rate_text(self.learning_rate))
    }

    /// Evaluations and checkpoints take their time, too: what is left goes by the clock, not by the steps' own seconds.
    fn to_go(&self, gone: Duration) -> Duration {
        let each = gone.as_secs_f64() / self.steps_here.max(1) as f64;
        let left = self.steps.saturating_sub(self.step) as f64 * each;
        Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX)
    }
}

/// A learning rate in three digits.
fn rate_text(rate: f64) -> String {
    let rounded: f64 = format!("{rate:.2e}").parse().unwrap_or(rate);
    if rounded != 0.0 && rounded.abs() < 1e-3 {
        format!("{rounded:e}")
    } else {
        rounded.to_string()
    }
}

/// A duration as a person tells it.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use mtpt::tasks::TaskId;

    use super::*;

    fn step(course: &mut Course, number: usize, losses: &[(&str, f64)]) {
        let losses: Vec<(TaskId, f64)> =
            losses.iter().map(|(task, loss)| (TaskId::new(task).unwrap(), *loss)).collect();
        course.step(&StepEvent {
            step: number,
            steps: 100,
            loss: losses.iter().map(|(_, loss)| loss).sum::<f64>() / losses.len() as f64,
            added_losses: &[],
            task_losses: &losses,
            learning_rate: 0.3,
            task_learning_rate: None,
            gradient_norm: 1.0,
            rows: 32,
            seconds: 0.5,
        });
    }

    #[test]
    fn a_line_tells_losses_pace_and_what_is_left() {
        let mut course = Course::default();
        step(&mut course, 11, &[("a", 1.0), ("group/b", 3.0)]);
        let second = Duration::from_secs(1);
        let expected =
            "step 11/100, loss 2.000 (group/b 3.000, a 1.000), lr 0.3, 64 rows/s, 89 s to go";
        assert_eq!(course.line(second, 60), expected);
        // A task that a step does not hold keeps its loss.
        step(&mut course, 12, &[("a", 2.0)]);
        let expected = "88 s to go, loss 2.000, lr 0.3, 64 rows/s";
        assert_eq!(course.beside_bar(2 * second), expected);
        assert_eq!(course.losses(60), "group/b 3.000, a 1.100");
        let mean = MeanEvent { step: 12, split: "dev", value: 0.5, best_step: 9, best_value: 0.75 };
        course.mean(&mean);
        let expected = format!("{expected}, best mean 75.0 at step 9");
        assert_eq!(course.beside_bar(2 * second), expected);
    }

    #[test]
    fn one_task_is_not_told_twice() {
        let mut course = Course::default();
        step(&mut course, 100, &[("a", 0.25)]);
        let line = course.line(Duration::from_secs(3), 60);
        assert_eq!(line, "step 100/100, loss 0.250, lr 0.3, 64 rows/s, 0 s to go");
    }

    #[test]
    fn as_many_tasks_as_fit_are_told_the_worst_first() {
        let mut course = Course::default();
        let names: Vec<String> = (0..20).map(|task| format!("task{task}")).collect();
        let losses: Vec<(&str, f64)> =
            names.iter().zip(0..).map(|(name, task)| (name.as_str(), f64::from(task))).collect();
        step(&mut course, 1, &losses);
        assert_eq!(course.losses(40), "task19 19.000, task18 18.000, 18 more");
        assert_eq!(course.losses(36), "task19 19.000, 19 more");
        assert_eq!(course.losses(1), "task19 19.000, 19 more");
        for width in 22..400 {
            assert!(course.losses(width).len() <= width, "{width}");
        }
        assert!(course.losses(1000).ends_with("task0 0.000"));
        assert_eq!(Course::default().losses(80), "");
    }

    #[test]
    fn rates_and_durations_are_short() {
        let rates = [0.3, 0.123_456, 3e-5, 0.0, 1.0 / 3.0, 0.000_123_456];
        assert_eq!(rates.map(rate_text), ["0.3", "0.123", "3e-5", "0", "0.333", "1.23e-4"]);
        let durations = [0, 119, 120, 7199, 7200, 90_000].map(Duration::from_secs).map(spoken);
        assert_eq!(durations, ["0 s", "119 s", "2 min", "120 min", "2 h 0 min", "25 h 0 min"]);
    }
}
