use mtpt::tasks::evaluation::{BaselineValues, EvaluationRecord, MetricRecord, TaskRecord};

use crate::number_format::counted;
use crate::report::chart::quantity::Quantity;
use crate::report::prose::Prose;

/// The result of a task, by one of its metrics.
pub(crate) struct Finding<'a> {
    pub(crate) task: &'a TaskRecord,
    pub(crate) metric: &'a MetricRecord,
    pub(crate) quantity: Quantity,
}

/// The result of a comparison with a baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Better,
    /// Equal or worse.
    NotBetter,
    /// There is no such baseline.
    Unknown,
}

impl<'a> Finding<'a> {
    /// Returns the finding of a task; `None` without metrics. A metric with a majority baseline is
    /// preferred.
    pub(crate) fn new(task: &'a TaskRecord) -> Option<Self> {
        let compared = task.metrics.iter().find(|metric| metric.baselines.majority.is_some());
        let metric = compared.or(task.metrics.first())?;
        Some(Self { task, metric, quantity: Quantity::of_metric(&metric.metric) })
    }

    pub(crate) fn all(evaluation: &'a EvaluationRecord) -> Vec<Self> {
        evaluation.tasks.iter().filter_map(Self::new).collect()
    }

    pub(crate) fn against(&self, baseline: Option<f64>) -> Verdict {
        match baseline {
            None => Verdict::Unknown,
            Some(other) if self.quantity.is_better(self.metric.value, other) => Verdict::Better,
            Some(_) => Verdict::NotBetter,
        }
    }

    pub(crate) fn against_majority(&self) -> Verdict {
        self.against(self.metric.baselines.majority)
    }

    /// Returns the label that every row got, if there are several labels.
    pub(crate) fn only_label(&self) -> Option<&'a str> {
        let TaskRecord { classes, rows, .. } = self.task;
        let only = classes.iter().find(|class| class.predicted == *rows && *rows > 0)?;
        (classes.len() > 1).then_some(only.label.as_str())
    }

    /// Describes the result of the task in one sentence.
    pub(crate) fn sentence(&self, split: &str) -> Prose {
        let MetricRecord { metric, value, baselines } = self.metric;
        let BaselineValues { majority, before, .. } = baselines;
        let name = metric_name(metric);
        let text = |value: f64| self.quantity.text(value);
        let start = Prose::default().name(&self.task.task);
        let mut sentence = match (self.against_majority(), majority) {
            (Verdict::Better, Some(majority)) => start.text(format!(
                " beats its majority baseline: {name} is {}, the baseline's {}",
                text(*value),
                text(*majority)
            )),
            (Verdict::NotBetter, Some(majority)) => start.text(format!(
                " does not beat its majority baseline: {name} is {}, the baseline's {}",
                text(*value),
                text(*majority)
            )),
            _ => start.text(format!(": {name} is {}", text(*value))),
        };
        if let Some(before) = before {
            sentence = sentence.text(format!(", before training {}", text(*before)));
        }
        if let Some(label) = self.only_label() {
            sentence = sentence.text(format!("; every {split} row got ")).name(label);
        }
        sentence.text(".")
    }
}

/// Summarizes the results of the tasks in one or two sentences.
pub(crate) fn summarize(evaluation: &EvaluationRecord) -> Prose {
    let findings = Finding::all(evaluation);
    let compared: Vec<&Finding<'_>> =
        findings.iter().filter(|finding| finding.metric.baselines.majority.is_some()).collect();
    let others: Vec<&Finding<'_>> =
        findings.iter().filter(|finding| finding.metric.baselines.majority.is_none()).collect();
    let mut prose = match compared.as_slice() {
        [] => Prose::default(),
        [finding] => finding.sentence(&evaluation.split),
        _ => compare_with_majority(&compared, &evaluation.split),
    };
    prose = prose.join(compare_with_tfidf(&compared));
    let first = prose.is_empty();
    for (place, finding) in others.iter().enumerate().take(3) {
        if place > 0 || !first {
            prose = prose.text(" ");
        }
        prose = prose.join(finding.sentence(&evaluation.split));
    }
    match others.len() {
        4.. => prose.text(format!(" {} not listed.", are(others.len() - 3))),
        _ => prose,
    }
}

fn are(count: usize) -> String {
    format!("{} {}", counted(count, "further task"), if count == 1 { "is" } else { "are" })
}

fn compare_with_majority(findings: &[&Finding<'_>], split: &str) -> Prose {
    let count = findings.len();
    let failed: Vec<&&Finding<'_>> = findings
        .iter()
        .filter(|finding| finding.against_majority() == Verdict::NotBetter)
        .collect();
    if failed.is_empty() {
        let all = if count == 2 { "Both tasks".to_owned() } else { format!("All {count} tasks") };
        return Prose::default().text(format!("{all} beat their majority baseline."));
    }
    let names: Vec<&str> = failed.iter().map(|finding| finding.task.task.as_str()).collect();
    let mut prose = match count - failed.len() {
        0 if count == 2 => Prose::default().text("Neither task beats its majority baseline"),
        0 => {
            Prose::default().text(format!("None of the {count} tasks beats its majority baseline"))
        }
        better => Prose::default()
            .text(format!("{better} of {count} tasks beat their majority baseline; "))
            .names(&names, "task")
            .text(" did not"),
    };
    let labels: Vec<Option<&str>> = failed.iter().map(|finding| finding.only_label()).collect();
    match labels.as_slice() {
        [Some(label)] => {
            prose = prose.text(format!(": every {split} row got ")).name(*label);
        }
        _ if labels.iter().all(Option::is_some) => {
            prose = prose.text(": each answered every row with one label");
        }
        _ => {}
    }
    prose.text(".")
}

fn compare_with_tfidf(findings: &[&Finding<'_>]) -> Prose {
    const TFIDF: &str = "TF-IDF with a linear model";
    let by = |verdict| -> Vec<&str> {
        let found =
            findings.iter().filter(|found| found.against(found.metric.baselines.tfidf) == verdict);
        found.map(|found| found.task.task.as_str()).collect()
    };
    let (better, not_better) = (by(Verdict::Better), by(Verdict::NotBetter));
    match (better.len(), not_better.len()) {
        (0, 0) => Prose::default(),
        (1, 0) if findings.len() == 1 => Prose::default().text(format!(" It also beats {TFIDF}.")),
        (_, 0) => Prose::default()
            .text(format!(" {TFIDF} is beaten on "))
            .names(&better, "task")
            .text("."),
        (_, 1) if findings.len() == 1 => Prose::default().text(format!(
            " {TFIDF} reaches {}.",
            findings[0]
                .metric
                .baselines
                .tfidf
                .map_or_else(String::new, |value| findings[0].quantity.text(value))
        )),
        _ => Prose::default()
            .text(format!(" {TFIDF} is at least as good on "))
            .names(&not_better, "task")
            .text("."),
    }
}

/// Returns the name of a metric in running text.
pub(crate) fn metric_name(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use mtpt::tasks::evaluation::{ClassRecord, LabelKind};

    use super::*;

    fn task(name: &str, value: f64, majority: Option<f64>, tfidf: Option<f64>) -> TaskRecord {
        let baselines = BaselineValues { majority, tfidf, before: Some(0.25) };
        TaskRecord {
            task: name.into(),
            rows: 20,
            kind: LabelKind::Classes,
            metrics: vec![MetricRecord { metric: "accuracy".into(), value, baselines }],
            majority_label: None,
            label_loss: None,
            classes: Vec::new(),
            confusion: Vec::new(),
            warnings: Vec::new(),
            examples: Vec::new(),
        }
    }

    fn summary(tasks: Vec<TaskRecord>) -> String {
        let split = "dev".into();
        summarize(&EvaluationRecord { step: 5, split, tasks }).to_string()
    }

    #[test]
    fn one_task_is_described() {
        assert_eq!(
            summary(vec![task("a", 0.5, Some(0.3), Some(0.9))]),
            "`a` beats its majority baseline: accuracy is 50.0 %, the baseline's 30.0 %, before \
             training 25.0 %. TF-IDF with a linear model reaches 90.0 %."
        );
        assert_eq!(
            summary(vec![task("a", 0.5, None, None)]),
            "`a`: accuracy is 50.0 %, before training 25.0 %."
        );
        assert_eq!(summary(vec![]), "");
    }

    #[test]
    fn tasks_that_learned_nothing_are_named() {
        let mut failed = task("c", 0.3, Some(0.3), None);
        let class = |label: &str, predicted| ClassRecord {
            label: label.into(),
            precision: 0.0,
            recall: 0.0,
            f1: 0.0,
            gold: 10,
            predicted,
        };
        failed.classes = vec![class("x", 20), class("y", 0)];
        let good = || [task("a", 0.5, Some(0.3), Some(0.4)), task("b", 0.5, Some(0.3), None)];
        assert_eq!(
            summary(good().into()),
            "Both tasks beat their majority baseline. TF-IDF with a linear model is beaten \
             on `a`."
        );
        let mut tasks: Vec<TaskRecord> = good().into();
        tasks.push(failed);
        assert!(summary(tasks).starts_with(
            "2 of 3 tasks beat their majority baseline; `c` did not: every dev row got `x`."
        ),);
        let none = vec![task("a", 0.3, Some(0.3), None), task("b", 0.2, Some(0.3), None)];
        assert_eq!(summary(none), "Neither task beats its majority baseline.");
    }
}
