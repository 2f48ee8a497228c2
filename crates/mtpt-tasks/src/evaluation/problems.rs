use crate::evaluation::record::{LabelKind, MetricRecord, TaskRecord};
use crate::excerpt::excerpt;
use crate::metric::unit::{Unit, format_value};

/// Difference from the loss of equal probabilities, as a share of it, below which a loss is at its
/// level.
const UNIFORM: f64 = 0.02;

/// Returns reasons to doubt that a task was learned: one answer to all rows, a metric that is no
/// better than the majority baseline, or a loss at the level of equal probabilities.
///
/// `only_answer` is the answer to all rows, if it is the same although the gold labels differ, and
/// `labels` the number of labels that were ranked.
pub fn problems(
    record: &TaskRecord,
    split: &str,
    only_answer: Option<&str>,
    labels: usize,
) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(answer) = only_answer {
        let thing = match record.kind {
            LabelKind::Classes | LabelKind::Choices => "the label",
            LabelKind::Regression => "the score",
            LabelKind::Labels => "the labels",
            LabelKind::Text => "the text",
        };
        problems.push(format!("every {split} row got {thing} `{}`", excerpt(answer)));
    }
    if let Some((metric, majority)) = record.no_better_than_majority() {
        let [value, majority] = [metric.value, majority].map(|it| format_value(&metric.metric, it));
        let name = &metric.metric;
        problems.push(format!(
            "{name} {value} is no better than that of the majority baseline, {majority}"
        ));
    }
    let is_ranked = matches!(record.kind, LabelKind::Classes | LabelKind::Choices);
    let uniform = (labels as f64).ln();
    let is_uniform = |loss: &f64| is_ranked && (loss / uniform - 1.0).abs() < UNIFORM;
    if let Some(loss) = record.label_loss.filter(is_uniform) {
        problems.push(format!(
            "the loss of the labels, {loss:.2} nats per row, is that of equal probabilities, \
             ln {labels} = {uniform:.2}"
        ));
    }
    problems
}

impl TaskRecord {
    /// Returns the primary metric and its value of the majority baseline, if it isn't better.
    pub fn no_better_than_majority(&self) -> Option<(&MetricRecord, f64)> {
        let metric = self.metrics.first()?;
        let majority = metric.baselines.majority?;
        let is_better = Unit::of(&metric.metric).is_better(metric.value, majority);
        (!is_better).then_some((metric, majority))
    }

    /// Returns the primary metric and its value of TF-IDF, if that is better.
    pub fn worse_than_tfidf(&self) -> Option<(&MetricRecord, f64)> {
        let metric = self.metrics.first()?;
        let tfidf = metric.baselines.tfidf?;
        let is_better = Unit::of(&metric.metric).is_better(tfidf, metric.value);
        is_better.then_some((metric, tfidf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::record::BaselineValues;

    fn record(value: f64, label_loss: f64) -> TaskRecord {
        let baselines = BaselineValues { majority: Some(0.25), before: None, tfidf: Some(0.5) };
        TaskRecord {
            task: "tickets".into(),
            rows: 4,
            kind: LabelKind::Classes,
            metrics: vec![MetricRecord { metric: "accuracy".into(), value, baselines }],
            majority_label: None,
            label_loss: Some(label_loss),
            classes: Vec::new(),
            confusion: Vec::new(),
            warnings: Vec::new(),
            examples: Vec::new(),
        }
    }

    #[test]
    fn each_sign_of_a_task_that_was_not_learned_is_a_problem() {
        let found = problems(&record(0.25, 1.38), "dev", Some("shipping"), 4);
        assert_eq!(
            found,
            [
                "every dev row got the label `shipping`",
                "accuracy 25.0 % is no better than that of the majority baseline, 25.0 %",
                "the loss of the labels, 1.38 nats per row, is that of equal probabilities, \
                 ln 4 = 1.39",
            ]
        );
        // A loss above that level is overconfident, but not unlearned.
        assert!(problems(&record(0.75, 3.0), "dev", None, 4).is_empty());
        assert!(record(0.25, 3.0).worse_than_tfidf().is_some());
        assert!(record(0.5, 3.0).worse_than_tfidf().is_none());
        let mut error = record(0.5, 3.0);
        error.metrics[0].metric = "rmse".into();
        assert_eq!(error.no_better_than_majority().map(|(_, majority)| majority), Some(0.25));
    }
}
