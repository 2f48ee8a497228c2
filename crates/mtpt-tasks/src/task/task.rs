use std::path::Path;

use crate::error::Result;
use crate::labels::gold::{Gold, Prediction};
use crate::labels::labels::Labels;
use crate::metric::evaluation::Evaluation;
use crate::metric::metric::Metric;
use crate::metric::squad::normalized;
use crate::split::Split;
use crate::task::config::TaskConfig;
use crate::task::id::TaskId;
use crate::template::template::Template;

/// A validated task: its files, input template, labels and metrics.
#[derive(Clone, Debug)]
pub struct Task {
    /// The definition, with all defaults filled in.
    pub(super) config: TaskConfig,
    pub(super) template: Template,
    pub(super) label_field: String,
    pub(super) labels: Labels,
    /// Whether the labels were collected from the training split.
    pub(super) collected: bool,
    pub(super) metrics: Vec<Metric>,
    /// Template of a row's group, if a metric needs groups.
    pub(super) group: Option<Template>,
}

impl Task {
    /// Returns the name of the task.
    pub fn id(&self) -> &TaskId {
        &self.config.name
    }

    /// Returns the definition, with all defaults filled in.
    pub fn config(&self) -> &TaskConfig {
        &self.config
    }

    /// Returns the template of inputs.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// Returns the name of the field with the label.
    pub fn label_field(&self) -> &str {
        &self.label_field
    }

    /// Returns the labels.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Returns the metrics, the primary one first.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// Returns the file that the definition names for a split.
    pub fn file(&self, split: Split) -> Option<&Path> {
        self.config.file(split)
    }

    /// Evaluates one prediction per row by the metrics.
    ///
    /// A metric over groups counts each row as a group.
    ///
    /// # Errors
    ///
    /// Returns [`MetricError::PredictionCount`](crate::metric::MetricError::PredictionCount) in
    /// [`Error::InTask`](crate::Error::InTask).
    pub fn evaluate(&self, gold: &[Gold], predictions: &[Prediction]) -> Result<Evaluation> {
        Evaluation::new(&self.metrics, &self.labels, gold, predictions)
            .map_err(|error| error.in_task(self.id()))
    }

    /// Evaluates one prediction per row by the metrics, some of which are over groups of rows.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate), and
    /// [`MetricError::GroupCount`](crate::metric::MetricError::GroupCount).
    pub fn evaluate_in_groups(
        &self,
        gold: &[Gold],
        predictions: &[Prediction],
        groups: &[String],
    ) -> Result<Evaluation> {
        Evaluation::in_groups(&self.metrics, &self.labels, gold, predictions, groups)
            .map_err(|error| error.in_task(self.id()))
    }

    /// Evaluates one generated text per row by the metrics of a task whose targets are generated.
    ///
    /// The target of rows without an answer, and the words of a row's labels, are recognized.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate).
    pub fn evaluate_texts(
        &self,
        references: &[Vec<String>],
        predictions: &[String],
    ) -> Result<Evaluation> {
        let evaluation = if let Some(labels) = self.labels.several() {
            let gold =
                references.iter().map(|texts| labels.parse(texts.first().map_or("", |it| it)));
            let found = predictions.iter().map(|text| labels.parse(text));
            let (gold, found) = (gold.collect(), found.collect());
            Evaluation::of_label_sets(&self.metrics, labels.words(), gold, found)
        } else if let Some(no_answer) = self.labels.no_answer() {
            let no_answer = normalized(no_answer);
            let is_none = |text: &String| normalized(text) == no_answer;
            let answer = |text| if is_none(text) { String::new() } else { text.clone() };
            let predictions: Vec<String> = predictions.iter().map(answer).collect();
            Evaluation::of_texts(&self.metrics, references, &predictions)
        } else {
            Evaluation::of_texts(&self.metrics, references, predictions)
        };
        evaluation.map_err(|error| error.in_task(self.id()))
    }
}
