use serde::{Deserialize, Serialize};

use crate::config::error::ConfigError;
use crate::config::range::{at_least_one, not_negative};
use crate::error::Result;

/// When and how the prompts are evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Number of steps between evaluations on `dev`; 0 evaluates after the last step only.
    ///
    /// Default: 100.
    pub every: usize,
    /// Number of examples evaluated at a time.
    ///
    /// Default: 64; range: from 1.
    pub batch_size: usize,
    /// Number of evaluations on `dev` without progress in the mean of the tasks' metrics, after
    /// which training ends early.
    ///
    /// Range: from 1; `every` is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Difference of means, as a fraction, that must be exceeded to count as progress.
    ///
    /// Default: 0; range: from 0.
    pub min_delta: f64,
    /// Whether a run with an output evaluates the initial prompts on `dev` before the first step.
    /// They are never selected.
    ///
    /// Default: true.
    pub before: bool,
    /// Whether a linear model on TF-IDF features is evaluated on `dev`.
    ///
    /// Default: for tasks with at most 5,000 training examples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<bool>,
    /// Maximum number of rows of a task in `evaluation.json`, incorrect ones first.
    ///
    /// Default: 10.
    pub examples: usize,
    /// Whether these rows contain their texts.
    ///
    /// Default: true.
    pub texts: bool,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            every: 100,
            batch_size: 64,
            patience: None,
            min_delta: 0.0,
            before: true,
            baseline: None,
            examples: 10,
            texts: true,
        }
    }
}

impl EvaluationConfig {
    /// Keys that change neither training nor the selection of prompts.
    pub(crate) const REPORTING_KEYS: [&str; 4] = ["before", "baseline", "examples", "texts"];

    /// Checks every value.
    ///
    /// # Errors
    ///
    /// When a value is out of range; the error names the option.
    pub fn check(&self) -> Result<()> {
        let patience = self.patience.unwrap_or(1);
        at_least_one(&[
            ("evaluation.batch_size", self.batch_size),
            ("evaluation.patience", patience),
        ])?;
        if self.patience.is_some() && self.every == 0 {
            let expected = "at least 1 where `evaluation.patience` is given";
            return Err(ConfigError::OutOfRange {
                option: "evaluation.every",
                expected,
                found: 0.0,
            }
            .into());
        }
        not_negative("evaluation.min_delta", self.min_delta)
    }
}
