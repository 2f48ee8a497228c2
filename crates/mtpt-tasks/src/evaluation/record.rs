use serde::{Deserialize, Serialize};

use crate::labels::labels::Labels;

/// Results of all tasks on a split: the file `evaluation.json` of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// Step of the evaluated prompts.
    pub step: usize,
    /// `dev` or `test`.
    pub split: String,
    /// One entry per task with rows in the split.
    pub tasks: Vec<TaskRecord>,
}

/// Results of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Name of the task.
    pub task: String,
    /// Number of evaluated rows.
    pub rows: usize,
    /// Kind of the task's labels.
    pub kind: LabelKind,
    /// The task's metrics, the primary one first.
    pub metrics: Vec<MetricRecord>,
    /// Prediction of the majority baseline: the most frequent label of the training split, as in
    /// the data file, or the mean score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority_label: Option<String>,
    /// Mean negative log-probability of the gold label relative to all labels, in nats per row. A
    /// model that assigns the same probability to each of k labels has ln k.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_loss: Option<f64>,
    /// Values per label, for classes and for any number of labels per row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassRecord>,
    /// Number of rows per gold label (rows) and predicted label (columns), in the order of
    /// `classes`; only for classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<Vec<usize>>,
    /// Reasons to doubt that the task was learned, with suggestions.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Some rows with their predictions, the incorrect ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<ExampleRecord>,
}

/// Baselines of all tasks on a split: the file `baselines.json` of a run, which exists before its
/// first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselinesRecord {
    /// `dev` or `test`.
    pub split: String,
    /// One entry per task with rows in the split.
    pub tasks: Vec<TaskBaselines>,
}

/// Baselines of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskBaselines {
    /// Name of the task.
    pub task: String,
    /// Number of evaluated rows.
    pub rows: usize,
    /// See [`TaskRecord::majority_label`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority_label: Option<String>,
    /// The task's metrics, the primary one first.
    pub metrics: Vec<MetricBaselines>,
}

/// Baselines of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricBaselines {
    /// Name of the metric.
    pub metric: String,
    /// The values.
    #[serde(flatten)]
    pub values: BaselineValues,
}

/// Kind of a task's labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelKind {
    /// One of the task's labels.
    Classes,
    /// One of the row's own candidates.
    Choices,
    /// A score.
    Regression,
    /// Any number of the task's labels.
    Labels,
    /// Free text.
    Text,
}

impl LabelKind {
    /// Returns the kind of labels.
    pub fn of(labels: &Labels) -> Self {
        if labels.is_multi_label() {
            Self::Labels
        } else if labels.is_text() {
            Self::Text
        } else if labels.is_regression() {
            Self::Regression
        } else if labels.choice_fields().is_some() {
            Self::Choices
        } else {
            Self::Classes
        }
    }
}

/// Value of a metric, and the values it is compared with. Fractions, except for correlations and
/// errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRecord {
    /// Name of the metric.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Values to compare it with.
    #[serde(flatten)]
    pub baselines: BaselineValues,
}

/// Values that a metric is compared with, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BaselineValues {
    /// Value of the majority baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority: Option<f64>,
    /// Value before the first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<f64>,
    /// Value of a linear model on TF-IDF features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tfidf: Option<f64>,
}

/// Values of one label, as fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassRecord {
    /// The label, as in the data file.
    pub label: String,
    /// Fraction of the rows predicted as the label that have it; 0 if there are none.
    pub precision: f64,
    /// Fraction of the rows with the label that are predicted as it; 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Number of rows with the label.
    pub gold: usize,
    /// Number of rows predicted as the label.
    pub predicted: usize,
}

/// A row with its prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExampleRecord {
    /// Data file of the row.
    pub file: String,
    /// Line of the row, counted from 1.
    pub line: usize,
    /// The input text, unless texts are disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The gold label, as in the data file; the labels or the first reference otherwise.
    pub gold: String,
    /// The predicted label, as in the data file, or the generated text.
    pub predicted: String,
    /// Probability of the predicted label relative to all labels of the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Whether the prediction is correct.
    pub correct: bool,
}
