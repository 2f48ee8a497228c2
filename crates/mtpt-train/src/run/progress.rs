use serde::{Deserialize, Serialize};

/// Progress of a run on `dev`, for early stopping.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The score that a later one must exceed by more than `evaluation.min_delta` to count as
    /// progress.
    #[serde(with = "crate::output::exact_float")]
    reached: f64,
    /// Number of evaluations since without progress.
    evaluations_since: usize,
}

impl Progress {
    /// Returns the progress after an evaluation with this score.
    pub(crate) fn after(before: Option<Self>, score: f64, min_delta: f64) -> Self {
        match before {
            Some(Self { reached, .. }) if score > reached + min_delta => Self::at(score),
            Some(before) => Self { evaluations_since: before.evaluations_since + 1, ..before },
            None => Self::at(score),
        }
    }

    fn at(reached: f64) -> Self {
        Self { reached, evaluations_since: 0 }
    }

    /// Returns the message for a run that ended early.
    pub(crate) fn end(step: usize, patience: usize) -> String {
        let evaluations = if patience == 1 { "evaluation" } else { "evaluations" };
        format!("ended after step {step}: {patience} {evaluations} without progress on `dev`")
    }

    /// Returns whether a run with this patience ends.
    pub(crate) fn is_over(self, patience: Option<usize>) -> bool {
        patience.is_some_and(|patience| self.evaluations_since >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the evaluation, counted from 1, after which a run with these scores ends.
    fn end(scores: &[f64], patience: usize, min_delta: f64) -> Option<usize> {
        let mut progress = None;
        let over = scores.iter().position(|&score| {
            let now = Progress::after(progress, score, min_delta);
            progress = Some(now);
            now.is_over(Some(patience))
        });
        over.map(|index| index + 1)
    }

    #[test]
    fn the_count_of_evaluations_without_progress_restarts_after_progress() {
        let scores = [0.5, 0.5, 0.6, 0.4, 0.6, 0.61, 0.1, 0.2, 0.3];
        assert_eq!(end(&scores, 1, 0.0), Some(2));
        assert_eq!(end(&scores, 2, 0.0), Some(5));
        assert_eq!(end(&scores, 3, 0.0), Some(9));
        assert_eq!(end(&scores, 4, 0.0), None);
    }

    #[test]
    fn small_improvements_add_up_to_progress() {
        // Each score exceeds the one before by less than `min_delta`, and every second one the
        // score reached by more.
        let scores = [0.5, 0.54, 0.58, 0.62, 0.66, 0.7];
        assert_eq!(end(&scores, 2, 0.0625), None);
        assert_eq!(end(&scores, 1, 0.0625), Some(2));
        // A difference equal to `min_delta` is not progress.
        assert_eq!(end(&[0.5, 0.75], 1, 0.25), Some(2));
        assert_eq!(end(&[-2.0, -1.5, -1.5], 1, 0.25), Some(3));
    }

    #[test]
    fn a_run_without_patience_does_not_end_early() {
        let first = Progress::after(None, 0.5, 0.0);
        let later = (0..100).fold(first, |progress, _| Progress::after(Some(progress), 0.5, 0.0));
        assert!(!later.is_over(None) && later.is_over(Some(100)) && !later.is_over(Some(101)));
    }
}
