use crate::baseline::majority::MajorityAnswer;
use crate::baseline::row_labels::RowLabels;
use crate::error::Result;
use crate::evaluation::record::{BaselineValues, MetricBaselines, TaskBaselines};
use crate::labels::labels::Labels;
use crate::metric::evaluation::Evaluation;
use crate::metric::metric::Metric;
use crate::split::Split;
use crate::task::instance::Instance;
use crate::task::task::Task;

/// Number of training examples up to which TF-IDF is a baseline by default.
pub const MAX_TRAINING_EXAMPLES: usize = 5_000;

/// Results of the baselines of a task on a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Baselines {
    /// Result of the most frequent training label.
    pub majority: Evaluation,
    /// The most frequent training label, as in the data file.
    pub majority_label: Option<String>,
    /// Result of a linear model on TF-IDF features.
    pub tfidf: Option<Evaluation>,
}

impl Baselines {
    /// Reads the training split and another split of a task, and evaluates the baselines on the
    /// latter; none if the task lacks one of the splits.
    ///
    /// `tfidf` is whether to evaluate TF-IDF; by default, it is evaluated with at most
    /// [`MAX_TRAINING_EXAMPLES`] training examples.
    ///
    /// # Errors
    ///
    /// As [`Task::read`].
    pub fn of_task(task: &Task, split: Split, tfidf: Option<bool>) -> Result<Option<Self>> {
        if !task.has(Split::Train) || !task.has(split) {
            return Ok(None);
        }
        let limit = max_training_examples(task, tfidf);
        let (mut train, mut labels) = (Vec::new(), RowLabels::default());
        for row in task.stream(Split::Train)? {
            let row = row?;
            labels.push(&row);
            if labels.len() <= limit {
                train.push(row);
            } else {
                train.clear();
            }
        }
        Self::new(task, &labels, &train, &task.read(split)?).map(Some)
    }

    /// Evaluates the baselines on rows of a task, with all rows of its training split.
    ///
    /// See [`of_task`](Self::of_task) for `tfidf`.
    ///
    /// # Errors
    ///
    /// As [`Task::evaluate`].
    pub fn of_rows(
        task: &Task,
        train: &[Instance],
        rows: &[Instance],
        tfidf: Option<bool>,
    ) -> Result<Self> {
        let examples = if train.len() <= max_training_examples(task, tfidf) { train } else { &[] };
        Self::new(task, &RowLabels::of(train), examples, rows)
    }

    /// Evaluates the majority of the training `labels`, and TF-IDF with the training `examples`,
    /// if there are any.
    fn new(
        task: &Task,
        labels: &RowLabels<'_>,
        examples: &[Instance],
        rows: &[Instance],
    ) -> Result<Self> {
        let of_rows = RowLabels::of(rows);
        let answer = MajorityAnswer::new(task, labels);
        Ok(Self {
            majority: answer.evaluate(task, &of_rows)?,
            majority_label: answer.label(task.labels()),
            tfidf: evaluate_tfidf(task, examples, rows, &of_rows)?,
        })
    }

    /// Returns the values of each metric, without those before training.
    pub fn record(&self, task: &Task) -> TaskBaselines {
        let values = |(position, (metric, majority)): (usize, &(Metric, f64))| {
            let tfidf = self.tfidf.as_ref().and_then(|tfidf| tfidf.values().get(position));
            MetricBaselines {
                metric: metric.name().to_owned(),
                values: BaselineValues {
                    majority: Some(*majority),
                    before: None,
                    tfidf: tfidf.map(|&(_, value)| value),
                },
            }
        };
        TaskBaselines {
            task: task.id().to_string(),
            rows: self.majority.rows(),
            majority_label: self.majority_label.clone(),
            metrics: self.majority.values().iter().enumerate().map(values).collect(),
        }
    }
}

/// Returns the number of training examples up to which TF-IDF is evaluated: 0 for labels that it
/// doesn't predict.
fn max_training_examples(task: &Task, tfidf: Option<bool>) -> usize {
    if !is_predictable(task.labels()) {
        return 0;
    }
    match tfidf {
        Some(true) => usize::MAX,
        Some(false) => 0,
        None => MAX_TRAINING_EXAMPLES,
    }
}

/// Reads the training split, with its number of `examples`, and another split of a task, and
/// evaluates the baseline of TF-IDF; none if it isn't wanted or doesn't apply.
///
/// See [`Baselines::of_task`] for `tfidf`.
///
/// # Errors
///
/// As [`Task::read`].
pub fn tfidf_baseline(
    task: &Task,
    split: Split,
    tfidf: Option<bool>,
    examples: usize,
) -> Result<Option<Evaluation>> {
    if examples > max_training_examples(task, tfidf) || !task.has(split) {
        return Ok(None);
    }
    let rows = task.read(split)?;
    evaluate_tfidf(task, &task.read(Split::Train)?, &rows, &RowLabels::of(&rows))
}

#[cfg(not(feature = "tfidf"))]
fn is_predictable(_labels: &Labels) -> bool {
    false
}

#[cfg(feature = "tfidf")]
fn is_predictable(labels: &Labels) -> bool {
    crate::baseline::tfidf::is_predictable(labels)
}

#[cfg(not(feature = "tfidf"))]
fn evaluate_tfidf(
    _task: &Task,
    _train: &[Instance],
    _rows: &[Instance],
    _labels: &RowLabels<'_>,
) -> Result<Option<Evaluation>> {
    Ok(None)
}

#[cfg(feature = "tfidf")]
fn evaluate_tfidf(
    task: &Task,
    train: &[Instance],
    rows: &[Instance],
    labels: &RowLabels<'_>,
) -> Result<Option<Evaluation>> {
    use crate::baseline::tfidf::{TfidfBaseline, TfidfPrediction};

    let Some(baseline) = TfidfBaseline::new(task.labels(), train) else { return Ok(None) };
    let (mut predictions, mut texts) = (Vec::new(), Vec::new());
    for row in rows {
        match baseline.predict(&row.text) {
            TfidfPrediction::One(prediction) => predictions.push(prediction),
            TfidfPrediction::Labels(found) => {
                texts.extend(task.labels().several().map(|labels| labels.target(&found)));
            }
        }
    }
    if task.labels().is_text() {
        labels.evaluate_texts(task, &texts).map(Some)
    } else {
        labels.evaluate(task, &predictions).map(Some)
    }
}
