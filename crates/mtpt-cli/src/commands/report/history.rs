use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// What a run has measured, as `metrics.jsonl` has it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct History {
    pub(super) steps: Vec<Step>,
    pub(super) figures: Vec<Figure>,
}

/// A step of training.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Step {
    pub(super) step: usize,
    /// In nats for each target token.
    pub(super) loss: f64,
    pub(super) lr: f64,
    #[serde(default)]
    pub(super) task_lr: Option<f64>,
    #[serde(default)]
    pub(super) rows: usize,
    #[serde(default)]
    pub(super) seconds: f64,
    /// What the objective added to the loss, by name.
    #[serde(default)]
    added: Map<String, Value>,
    /// The loss of each task that the step held.
    #[serde(default)]
    tasks: Map<String, Value>,
}

/// Something that was measured on a split of a task: a fraction, or nats of the metric `loss`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(super) struct Figure {
    pub(super) step: usize,
    pub(super) split: String,
    pub(super) task: String,
    pub(super) metric: String,
    pub(super) value: f64,
}

/// Values with their steps, in the order of these.
pub(super) type Series = Vec<(usize, f64)>;

/// A metric of a task on a split, over the run.
#[derive(Debug, PartialEq)]
pub(super) struct MetricSeries {
    pub(super) split: String,
    pub(super) metric: String,
    pub(super) values: Series,
}

/// The metric that is no fraction, but nats.
pub(super) const LOSS: &str = "loss";

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Figure(Figure),
    Step(Step),
}

impl History {
    /// Reads lines of `metrics.jsonl`; a last one without its end, of a run that is writing or was interrupted, is left out.
    ///
    /// # Errors
    ///
    /// When a line is none of a run's; the path is for the message.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self> {
        let mut history = Self::default();
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            match serde_json::from_str(line) {
                Ok(Line::Step(step)) => history.steps.push(step),
                Ok(Line::Figure(figure)) => history.figures.push(figure),
                Err(_) if !line.ends_with('\n') => {}
                Err(_) => {
                    let problem = format!(
                        "line {number} is not one of a run's metrics: expected an object with `step`, `loss` and `lr`, or \
                         with `step`, `split`, `task`, `metric` and `value`; remove the line, or train anew"
                    );
                    return Err(Error::Reported { path: path.to_owned(), problem });
                }
            }
        }
        Ok(history)
    }

    /// The names of the tasks, in the order in which they were first told of.
    pub(super) fn tasks(&self) -> Vec<&str> {
        let learned = self.steps.iter().flat_map(|step| step.tasks.keys().map(String::as_str));
        let judged = self.figures.iter().map(|figure| figure.task.as_str());
        let mut names = Vec::new();
        // Figures first: every evaluation tells of all tasks in their order, while a step holds some.
        for name in judged.chain(learned) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The last step that anything is told of.
    pub(super) fn last_step(&self) -> usize {
        let steps = self.steps.iter().map(|step| step.step);
        steps.chain(self.figures.iter().map(|figure| figure.step)).max().unwrap_or(0)
    }

    /// The loss of every step.
    pub(super) fn losses(&self) -> Series {
        self.steps.iter().map(|step| (step.step, step.loss)).collect()
    }

    /// What the objective added to the loss of every step, by name.
    pub(super) fn added(&self) -> Vec<(&str, Series)> {
        let mut added: Vec<(&str, Series)> = Vec::new();
        for step in &self.steps {
            for (name, loss) in &step.added {
                let Some(loss) = loss.as_f64() else { continue };
                match added.iter_mut().find(|(known, _)| known == name) {
                    Some((_, series)) => series.push((step.step, loss)),
                    None => added.push((name, vec![(step.step, loss)])),
                }
            }
        }
        added
    }

    /// The loss of a task in the steps that held it.
    pub(super) fn losses_of(&self, task: &str) -> Series {
        let loss = |step: &Step| Some((step.step, step.tasks.get(task)?.as_f64()?));
        self.steps.iter().filter_map(loss).collect()
    }

    /// What was measured of a task, a series for each metric and split, in the order in which they were first told of.
    pub(super) fn metrics_of(&self, task: &str) -> Vec<MetricSeries> {
        let mut found: Vec<MetricSeries> = Vec::new();
        for figure in self.figures.iter().filter(|figure| figure.task == task) {
            let Figure { step, split, metric, value, .. } = figure;
            let same = |known: &&mut MetricSeries| known.split == *split && known.metric == *metric;
            match found.iter_mut().find(same) {
                Some(known) => known.values.push((*step, *value)),
                None => found.push(MetricSeries {
                    split: split.clone(),
                    metric: metric.clone(),
                    values: vec![(*step, *value)],
                }),
            }
        }
        found
    }

    /// The mean over tasks of the mean of their metrics on `dev`, for every step whose evaluation is whole: what a run keeps its
    /// best prompts by. Where it was cut short, or is being done, some tasks are not judged yet.
    pub(super) fn means(&self) -> Series {
        let mut steps: BTreeMap<usize, Vec<(&str, Vec<f64>)>> = BTreeMap::new();
        let judged = |figure: &&Figure| figure.split == "dev" && figure.metric != LOSS;
        for figure in self.figures.iter().filter(judged) {
            let tasks = steps.entry(figure.step).or_default();
            match tasks.iter_mut().find(|(task, _)| *task == figure.task) {
                Some((_, values)) => values.push(figure.value),
                None => tasks.push((&figure.task, vec![figure.value])),
            }
        }
        let count = |tasks: &[(&str, Vec<f64>)]| -> usize {
            tasks.iter().map(|(_, values)| values.len()).sum()
        };
        let whole = steps.values().map(|tasks| count(tasks)).max().unwrap_or(0);
        steps.retain(|_, tasks| count(tasks) == whole);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let of_step = |(step, tasks): (usize, Vec<(&str, Vec<f64>)>)| {
            let scores: Vec<f64> = tasks.iter().map(|(_, values)| mean(values)).collect();
            (step, mean(&scores))
        };
        steps.into_iter().map(of_step).collect()
    }
}

/// The highest value and its step, the first of equal ones.
pub(super) fn highest(series: &[(usize, f64)]) -> Option<(usize, f64)> {
    series.iter().copied().reduce(|best, next| if next.1 > best.1 { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"{"step":1,"loss":2.0,"lr":0.1,"gradient_norm":1.0,"rows":4,"seconds":0.5,"tasks":{"b":2.5},"added":{"hidden":4.0}}
{"step":2,"loss":1.0,"lr":0.1,"gradient_norm":1.0,"rows":4,"seconds":0.5,"tasks":{"b":0.5,"a":1.5}}
{"step":2,"split":"dev","task":"a","metric":"accuracy","value":0.5}
{"step":2,"split":"dev","task":"a","metric":"f1","value":0.75}
{"step":2,"split":"dev","task":"b","metric":"accuracy","value":0.25}
{"step":4,"split":"dev","task":"a","metric":"accuracy","value":0.5}
{"step":4,"split":"dev","task":"a","metric":"f1","value":0.75}
{"step":4,"split":"dev","task":"b","metric":"accuracy","value":0.25}
"#;

    fn parse(text: &str) -> Result<History> {
        History::parse(text, Path::new("metrics.jsonl"))
    }

    #[test]
    fn lines_become_series() {
        let history = parse(LOG).unwrap();
        assert_eq!(history.tasks(), ["a", "b"]);
        assert_eq!(history.losses(), [(1, 2.0), (2, 1.0)]);
        assert_eq!(history.losses_of("a"), [(2, 1.5)]);
        assert_eq!(history.losses_of("b"), [(1, 2.5), (2, 0.5)]);
        assert_eq!(history.added(), [("hidden", vec![(1, 4.0)])]);
        let metrics = history.metrics_of("a");
        assert_eq!(metrics.len(), 2);
        assert_eq!(
            (metrics[1].metric.as_str(), &metrics[1].values),
            ("f1", &vec![(2, 0.75), (4, 0.75)])
        );
        // The mean of a task's metrics first: 0.625 and 0.25.
        assert_eq!(history.means(), [(2, 0.4375), (4, 0.4375)]);
        assert_eq!(highest(&history.means()), Some((2, 0.4375)));
    }

    #[test]
    fn a_last_line_may_be_cut_and_no_other() {
        let last = LOG.trim_end().rfind('\n').unwrap() + 1;
        let before = parse(&LOG[..last]).unwrap();
        for cut in last..LOG.len() - 2 {
            assert_eq!(parse(&LOG[..cut]).unwrap(), before);
        }
        // A line that lacks no more than its end is whole.
        assert_eq!(parse(LOG.trim_end()).unwrap(), parse(LOG).unwrap());
        let mut lines: Vec<&str> = LOG.lines().collect();
        lines[2] = r#"{"step":2,"split":"dev"}"#;
        let error = parse(&(lines.join("\n") + "\n")).unwrap_err();
        assert!(error.to_string().starts_with("`metrics.jsonl`: line 3 is not"), "{error}");
        assert_eq!(parse("").unwrap(), History::default());
    }

    #[test]
    fn an_evaluation_that_was_cut_short_has_no_mean() {
        let cut = r#"{"step":6,"split":"dev","task":"a","metric":"accuracy","value":0.9}
{"step":6,"split":"dev","task":"a","metric":"f1","value":0.9}
"#;
        let whole = parse(LOG).unwrap().means();
        assert_eq!(whole.len(), 2);
        assert_eq!(parse(&format!("{LOG}{cut}")).unwrap().means(), whole);
    }
}
