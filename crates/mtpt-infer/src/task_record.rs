//! The record of a task's results, with values per class and examples.

use mtpt_tasks::evaluation::{
    BaselineValues, ClassRecord, ExampleRecord, LabelKind, MetricRecord, TaskBaselines, problems,
};
use mtpt_tasks::metric::per_class::{ClassCounts, confusion_matrix, per_class, per_label};
use mtpt_tasks::{Evaluation, Gold, Instance, Labels, Prediction, Split, TaskRecord};

use crate::error::Result;
use crate::row_predictions::RowPredictions;
use crate::task_data::TaskData;

/// The largest part of the examples that are correct.
const CORRECT_SHARE: usize = 3;

impl RowPredictions {
    /// Returns the record of the results on a split of a task, without examples. `evaluation` is
    /// that of these predictions.
    ///
    /// Its warnings are without suggestions.
    pub fn record(
        &self,
        data: &TaskData,
        split: Split,
        evaluation: &Evaluation,
        baselines: Option<&TaskBaselines>,
    ) -> TaskRecord {
        let labels = data.task().labels();
        let baseline = |name: &str| {
            let metrics = baselines.map(|baselines| baselines.metrics.as_slice());
            let known = metrics.unwrap_or_default().iter().find(|known| known.metric == name);
            known.map_or(BaselineValues::default(), |known| known.values)
        };
        let metric = |(metric, value): &(mtpt_tasks::Metric, f64)| MetricRecord {
            metric: metric.name().to_owned(),
            value: *value,
            baselines: baseline(metric.name()),
        };
        let (classes, confusion) = self.classes(data, split);
        let mut record = TaskRecord {
            task: data.task().id().to_string(),
            rows: evaluation.rows(),
            kind: LabelKind::of(labels),
            metrics: evaluation.values().iter().map(metric).collect(),
            majority_label: baselines.and_then(|baselines| baselines.majority_label.clone()),
            label_loss: self.label_loss(),
            classes,
            confusion,
            warnings: Vec::new(),
            examples: Vec::new(),
        };
        let only_answer = self.only_answer(data, split);
        let words = labels.words().len();
        record.warnings = problems(&record, split.as_str(), only_answer.as_deref(), words);
        record
    }

    /// Selects at most `count` rows of a split with their predictions: the most informative
    /// incorrect ones first, then correct ones.
    ///
    /// # Errors
    ///
    /// When the rows cannot be read.
    pub fn selected_examples(
        &self,
        data: &TaskData,
        split: Split,
        count: usize,
        texts: bool,
    ) -> Result<Vec<ExampleRecord>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        Ok(select(self.examples(data, split, texts)?, count))
    }

    /// Returns all rows of a split with their predictions, in the order of the file. Rows that
    /// changed since they were tokenized are omitted.
    ///
    /// # Errors
    ///
    /// When the rows cannot be read.
    pub fn examples(
        &self,
        data: &TaskData,
        split: Split,
        texts: bool,
    ) -> Result<Vec<RankedExample>> {
        let labels = data.task().labels();
        let gold = data.gold(split);
        let rows = data.task().read(split)?.into_iter().enumerate();
        let rows = rows.filter(|(row, instance)| gold.get(*row) == Some(&instance.gold));
        let example = |(row, instance): (usize, Instance)| {
            let distance = self.distance(labels, instance.gold, &instance.references, row);
            let probability = self.probability(row);
            let example = ExampleRecord {
                file: instance.location.file().display().to_string(),
                line: instance.location.line(),
                gold: gold_text(labels, &instance),
                text: texts.then_some(instance.input),
                predicted: self.raw_text(labels, row),
                probability,
                correct: distance == 0.0,
            };
            // Among classes, the most confident mistakes come first; among scores, the largest.
            let rank = if labels.is_regression() { distance } else { probability.unwrap_or(0.0) };
            RankedExample { example, rank }
        };
        Ok(rows.map(example).collect())
    }

    /// Returns the answer to all rows, if it is the same although the gold labels differ.
    fn only_answer(&self, data: &TaskData, split: Split) -> Option<String> {
        let labels = data.row_labels(split);
        if all_same(&labels.gold, |gold| gold) && all_same(&labels.references, |texts| texts) {
            return None;
        }
        let is_same = match self {
            Self::Ranked(rows) => all_same(rows, |row| &row.prediction),
            Self::Generated(texts) => all_same(texts, |text| text),
        };
        is_same.then(|| self.raw_text(data.task().labels(), 0))
    }

    /// Returns the values per class and the confusion matrix, as far as the labels have any.
    fn classes(&self, data: &TaskData, split: Split) -> (Vec<ClassRecord>, Vec<Vec<usize>>) {
        let labels = data.task().labels();
        match (self, LabelKind::of(labels)) {
            (Self::Ranked(rows), LabelKind::Classes) => {
                let count = labels.words().len();
                let pairs = data.gold(split).into_iter().zip(rows);
                let index = |label: Option<usize>| label.unwrap_or(count);
                let pairs: Vec<(usize, usize)> = pairs
                    .map(|(gold, row)| (index(of_gold(gold)), index(of_prediction(row.prediction))))
                    .collect();
                let names = (0..count).map(|label| labels.raw_text(Prediction::Label(label)));
                (records(names, per_class(&pairs, count)), confusion_matrix(&pairs, count))
            }
            (Self::Generated(texts), LabelKind::Labels) => {
                let found = |text: &str| labels.labels_in(text).unwrap_or_default();
                let gold = data.references(split).iter();
                let gold = gold.map(|texts| found(texts.first().map_or("", String::as_str)));
                let rows: Vec<_> = gold.zip(texts.iter().map(|text| found(text))).collect();
                let (names, _) = labels.multi_labels().unwrap_or_default();
                (records(names.iter().cloned(), per_label(&rows, names.len())), Vec::new())
            }
            _ => (Vec::new(), Vec::new()),
        }
    }
}

/// A row with its prediction, and its place among rows that are as correct.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedExample {
    /// The row.
    pub example: ExampleRecord,
    /// Higher for a more informative row: the probability of the prediction, or the error of a
    /// score.
    pub rank: f64,
}

/// Selects examples: the most informative incorrect ones first, then correct ones, at least a third
/// of all if there are as many.
fn select(examples: Vec<RankedExample>, count: usize) -> Vec<ExampleRecord> {
    let is_correct = |row: &RankedExample| row.example.correct;
    let (mut correct, mut incorrect): (Vec<_>, Vec<_>) = examples.into_iter().partition(is_correct);
    for rows in [&mut correct, &mut incorrect] {
        // Rows of the same rank stay in the order of the file.
        rows.sort_by(|a, b| b.rank.total_cmp(&a.rank));
    }
    incorrect.truncate(count - correct.len().min(count / CORRECT_SHARE));
    correct.truncate(count - incorrect.len());
    incorrect.into_iter().chain(correct).map(|row| row.example).collect()
}

fn records(names: impl Iterator<Item = String>, counts: Vec<ClassCounts>) -> Vec<ClassRecord> {
    let record = |(label, counts): (String, ClassCounts)| ClassRecord {
        label,
        precision: counts.precision(),
        recall: counts.recall(),
        f1: counts.f1(),
        gold: counts.gold,
        predicted: counts.predicted,
    };
    names.zip(counts).map(record).collect()
}

fn all_same<T, K: PartialEq>(rows: &[T], key: impl Fn(&T) -> &K) -> bool {
    rows.windows(2).all(|two| key(&two[0]) == key(&two[1]))
}

fn of_gold(gold: Gold) -> Option<usize> {
    if let Gold::Label(label) = gold { Some(label) } else { None }
}

fn of_prediction(prediction: Prediction) -> Option<usize> {
    if let Prediction::Label(label) = prediction { Some(label) } else { None }
}

/// Returns the gold label of a row as in the data file.
fn gold_text(labels: &Labels, row: &Instance) -> String {
    match row.gold {
        Gold::Label(label) => labels.raw_text(Prediction::Label(label)),
        Gold::Score(score) => score.to_string(),
        Gold::Text => labels.raw_answer(row.references.first().map_or("", String::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: usize, correct: bool, rank: f64) -> RankedExample {
        let example = ExampleRecord {
            file: "dev.csv".into(),
            line,
            text: None,
            gold: "a".into(),
            predicted: "b".into(),
            probability: None,
            correct,
        };
        RankedExample { example, rank }
    }

    fn lines(examples: Vec<RankedExample>, count: usize) -> Vec<usize> {
        select(examples, count).iter().map(|example| example.line).collect()
    }

    #[test]
    fn the_most_confident_mistakes_come_first() {
        let rows = vec![
            row(1, true, 0.9),
            row(2, false, 0.5),
            row(3, false, 0.8),
            row(4, true, 0.4),
            row(5, false, 0.5),
        ];
        // A third of six rows may be correct.
        assert_eq!(lines(rows.clone(), 6), [3, 2, 5, 1, 4]);
        assert_eq!(lines(rows.clone(), 3), [3, 2, 1]);
        assert_eq!(lines(rows.clone(), 2), [3, 2]);
        assert_eq!(lines(rows[..1].to_vec(), 3), [1]);
        let mistakes: Vec<_> = (0..9).map(|line| row(line, false, 0.0)).collect();
        assert_eq!(lines(mistakes, 4), [0, 1, 2, 3]);
    }
}
