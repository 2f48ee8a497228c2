use std::collections::BTreeMap;
use std::path::Path;

use mtpt::tasks::Unit;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::run_files::config::read_if_exists;

/// The training history of a run, as recorded in `metrics.jsonl`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct History {
    pub(crate) steps: Vec<Step>,
    pub(crate) results: Vec<EvaluationResult>,
}

/// A training step.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct Step {
    pub(crate) step: usize,
    /// Mean negative log-likelihood of the target tokens, in nats.
    pub(crate) loss: f64,
    pub(crate) lr: f64,
    #[serde(default)]
    pub(crate) task_lr: Option<f64>,
    #[serde(default)]
    pub(crate) rows: usize,
    #[serde(default)]
    pub(crate) seconds: f64,
    /// Auxiliary losses of the objective, by name.
    #[serde(default)]
    added: Map<String, Value>,
    /// Loss of each task with examples in the step.
    #[serde(default)]
    tasks: Map<String, Value>,
}

/// The value of a metric on a split of a task, see [`Unit`](mtpt::tasks::Unit).
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub(crate) struct EvaluationResult {
    pub(crate) step: usize,
    pub(crate) split: String,
    pub(crate) task: String,
    pub(crate) metric: String,
    pub(crate) value: f64,
    /// Contribution to the mean over tasks, if it isn't the value.
    #[serde(default)]
    score: Option<f64>,
}

/// Values with their steps, in ascending order of the steps.
pub(crate) type Series = Vec<(usize, f64)>;

/// The values of a metric on a split over a run.
#[derive(Debug, PartialEq)]
pub(crate) struct MetricSeries {
    pub(crate) split: String,
    pub(crate) metric: String,
    pub(crate) values: Series,
}

/// The metric whose values are nats and not fractions.
pub(crate) const LOSS: &str = "loss";

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Result(EvaluationResult),
    Step(Step),
}

impl History {
    /// Parses the lines of `metrics.jsonl`. An incomplete last line is skipped: the run is writing
    /// it, or was interrupted.
    ///
    /// # Errors
    ///
    /// [`Error::File`] with `path` if a line is malformed.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self> {
        let mut history = Self::default();
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            match serde_json::from_str(line) {
                Ok(Line::Step(step)) => history.steps.push(step),
                Ok(Line::Result(result)) => history.results.push(result),
                Err(_) if !line.ends_with('\n') => {}
                Err(_) => {
                    let problem = format!(
                        "line {number}: expected an object with `step`, `loss` and `lr`, or with \
                         `step`, `split`, `task`, `metric` and `value`; remove the line, or rerun \
                         the training"
                    );
                    return Err(Error::File { path: path.to_owned(), problem });
                }
            }
        }
        Ok(history)
    }

    /// Returns the names of the tasks, in order of appearance.
    pub(crate) fn tasks(&self) -> Vec<&str> {
        let trained = self.steps.iter().flat_map(|step| step.tasks.keys().map(String::as_str));
        let evaluated = self.results.iter().map(|result| result.task.as_str());
        let mut names = Vec::new();
        // An evaluation lists all tasks in their configured order. A step lists only some.
        for name in evaluated.chain(trained) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns the last recorded step.
    pub(crate) fn last_step(&self) -> usize {
        let steps = self.steps.iter().map(|step| step.step);
        steps.chain(self.results.iter().map(|result| result.step)).max().unwrap_or(0)
    }

    /// Returns the last training step.
    pub(crate) fn steps_done(&self) -> usize {
        self.steps.last().map_or(0, |step| step.step)
    }

    /// Returns the seconds of all steps together.
    pub(crate) fn seconds(&self) -> f64 {
        self.steps.iter().map(|step| step.seconds).sum()
    }

    /// Returns the loss of every step.
    pub(crate) fn losses(&self) -> Series {
        self.steps.iter().map(|step| (step.step, step.loss)).collect()
    }

    /// Returns the auxiliary losses of every step, by name.
    pub(crate) fn auxiliary_losses(&self) -> Vec<(&str, Series)> {
        let mut losses: Vec<(&str, Series)> = Vec::new();
        for step in &self.steps {
            for (name, loss) in &step.added {
                let Some(loss) = loss.as_f64() else { continue };
                match losses.iter_mut().find(|(known, _)| known == name) {
                    Some((_, series)) => series.push((step.step, loss)),
                    None => losses.push((name, vec![(step.step, loss)])),
                }
            }
        }
        losses
    }

    /// Returns the loss of a task in the steps with examples of it.
    pub(crate) fn losses_of(&self, task: &str) -> Series {
        let loss = |step: &Step| Some((step.step, step.tasks.get(task)?.as_f64()?));
        self.steps.iter().filter_map(loss).collect()
    }

    /// Returns a series for each metric and split of a task, in order of appearance.
    pub(crate) fn metrics_of(&self, task: &str) -> Vec<MetricSeries> {
        let mut found: Vec<MetricSeries> = Vec::new();
        for result in self.results.iter().filter(|result| result.task == task) {
            let EvaluationResult { step, split, metric, value, .. } = result;
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

    /// Returns the metrics that count for [`means`](Self::means), one for each result.
    pub(crate) fn score_metrics(&self) -> impl Iterator<Item = &str> {
        let results = self.results.iter();
        let counted = results.filter(|result| result.split == "dev" && result.metric != LOSS);
        counted.map(|result| result.metric.as_str())
    }

    /// Returns the unit of the [`means`](Self::means).
    pub(crate) fn score_unit(&self) -> Unit {
        Unit::of_mean(self.score_metrics())
    }

    /// Returns the mean over tasks of the mean of their metrics on `dev`, for every complete
    /// evaluation. A run selects its best prompts by this value.
    pub(crate) fn means(&self) -> Series {
        self.means_of(&|metric| metric != LOSS)
    }

    /// Returns the mean over corpora of their losses on `dev`, for every complete evaluation.
    pub(crate) fn mean_losses(&self) -> Series {
        self.means_of(&|metric| metric == LOSS)
    }

    fn means_of(&self, counts: &dyn Fn(&str) -> bool) -> Series {
        let mut steps: BTreeMap<usize, Vec<(&str, Vec<f64>)>> = BTreeMap::new();
        // Only `mtpt pretrain`, which reports losses, may select the untrained state.
        let first = usize::from(self.results.iter().all(|result| result.metric != LOSS));
        let counts = |result: &&EvaluationResult| {
            result.step >= first && result.split == "dev" && counts(&result.metric)
        };
        for result in self.results.iter().filter(counts) {
            let tasks = steps.entry(result.step).or_default();
            match tasks.iter_mut().find(|(task, _)| *task == result.task) {
                Some((_, scores)) => scores.push(result.score.unwrap_or(result.value)),
                None => tasks.push((&result.task, vec![result.score.unwrap_or(result.value)])),
            }
        }
        let count = |tasks: &[(&str, Vec<f64>)]| -> usize {
            tasks.iter().map(|(_, values)| values.len()).sum()
        };
        // An evaluation that was interrupted, or is in progress, lacks some tasks.
        let complete = steps.values().map(|tasks| count(tasks)).max().unwrap_or(0);
        steps.retain(|_, tasks| count(tasks) == complete);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let step_mean = |(step, tasks): (usize, Vec<(&str, Vec<f64>)>)| {
            let scores: Vec<f64> = tasks.iter().map(|(_, values)| mean(values)).collect();
            (step, mean(&scores))
        };
        steps.into_iter().map(step_mean).collect()
    }
}

/// Reads `metrics.jsonl` of a run; `None` if it doesn't exist.
pub(crate) fn read_history(path: &Path) -> Result<Option<History>> {
    read_if_exists(path)?.map(|text| History::parse(&text, path)).transpose()
}

/// Returns the highest value and its step; the first one if there are several.
pub(crate) fn highest(series: &[(usize, f64)]) -> Option<(usize, f64)> {
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
        assert_eq!(history.auxiliary_losses(), [("hidden", vec![(1, 4.0)])]);
        let metrics = history.metrics_of("a");
        assert_eq!(metrics.len(), 2);
        assert_eq!(
            (metrics[1].metric.as_str(), &metrics[1].values),
            ("f1", &vec![(2, 0.75), (4, 0.75)])
        );
        // The means of the tasks' metrics are 0.625 and 0.25.
        assert_eq!(history.means(), [(2, 0.4375), (4, 0.4375)]);
        assert_eq!(highest(&history.means()), Some((2, 0.4375)));
    }

    #[test]
    fn only_the_last_line_may_be_incomplete() {
        let last = LOG.trim_end().rfind('\n').unwrap() + 1;
        let before = parse(&LOG[..last]).unwrap();
        for end in last..LOG.len() - 2 {
            assert_eq!(parse(&LOG[..end]).unwrap(), before);
        }
        // A line that lacks only its line break is complete.
        assert_eq!(parse(LOG.trim_end()).unwrap(), parse(LOG).unwrap());
        let mut lines: Vec<&str> = LOG.lines().collect();
        lines[2] = r#"{"step":2,"split":"dev"}"#;
        let error = parse(&(lines.join("\n") + "\n")).unwrap_err();
        assert!(
            error.to_string().starts_with("`metrics.jsonl`: line 3: expected an object"),
            "{error}"
        );
        assert_eq!(parse("").unwrap(), History::default());
    }

    #[test]
    fn means_are_of_scores_after_the_first_step() {
        let log = r#"{"step":0,"split":"dev","task":"a","metric":"rmse","value":0.5,"score":0.9}
{"step":2,"split":"dev","task":"a","metric":"rmse","value":1.0,"score":0.8}
"#;
        assert_eq!(parse(log).unwrap().means(), [(2, 0.8)]);
        let pretraining =
            log.to_owned() + r#"{"step":0,"split":"dev","task":"a","metric":"loss","value":2.0}"#;
        assert_eq!(parse(&pretraining).unwrap().means(), [(0, 0.9), (2, 0.8)]);
    }

    #[test]
    fn incomplete_evaluation_has_no_mean() {
        let incomplete = r#"{"step":6,"split":"dev","task":"a","metric":"accuracy","value":0.9}
{"step":6,"split":"dev","task":"a","metric":"f1","value":0.9}
"#;
        let means = parse(LOG).unwrap().means();
        assert_eq!(means.len(), 2);
        assert_eq!(parse(&format!("{LOG}{incomplete}")).unwrap().means(), means);
    }
}
