use serde::{Deserialize, Serialize};

/// How far a run has come on `dev`, and for how long it has come no further.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The mean that a later one has to be better than by more than `evaluation.min_delta`, to count as progress.
    #[serde(with = "crate::output::exact_float")]
    reached: f64,
    /// Evaluations since that were not.
    evaluations_since: usize,
}

impl Progress {
    /// After an evaluation with this mean.
    pub(crate) fn after(before: Option<Self>, mean: f64, min_delta: f64) -> Self {
        match before {
            Some(Self { reached, .. }) if mean > reached + min_delta => Self::at(mean),
            Some(before) => Self { evaluations_since: before.evaluations_since + 1, ..before },
            None => Self::at(mean),
        }
    }

    fn at(reached: f64) -> Self {
        Self { reached, evaluations_since: 0 }
    }

    /// What is told of a run that ended early.
    pub(crate) fn end(step: usize, patience: usize) -> String {
        let evaluations = if patience == 1 { "evaluation" } else { "evaluations" };
        format!("ended after step {step}: {patience} {evaluations} without progress on `dev`")
    }

    /// Whether a run of this patience ends.
    pub(crate) fn is_over(self, patience: Option<usize>) -> bool {
        patience.is_some_and(|patience| self.evaluations_since >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The evaluation, counted from 1, at which a run with these means ends.
    fn end(means: &[f64], patience: usize, min_delta: f64) -> Option<usize> {
        let mut progress = None;
        let over = means.iter().position(|&mean| {
            let now = Progress::after(progress, mean, min_delta);
            progress = Some(now);
            now.is_over(Some(patience))
        });
        over.map(|place| place + 1)
    }

    #[test]
    fn evaluations_without_a_better_mean_are_counted_anew_after_each_better_one() {
        let means = [0.5, 0.5, 0.6, 0.4, 0.6, 0.61, 0.1, 0.2, 0.3];
        assert_eq!(end(&means, 1, 0.0), Some(2));
        assert_eq!(end(&means, 2, 0.0), Some(5));
        assert_eq!(end(&means, 3, 0.0), Some(9));
        assert_eq!(end(&means, 4, 0.0), None);
    }

    #[test]
    fn small_steps_add_up_to_progress() {
        // Each is better than the one before by less than the least difference, every other one than what was reached.
        let means = [0.5, 0.54, 0.58, 0.62, 0.66, 0.7];
        assert_eq!(end(&means, 2, 0.0625), None);
        assert_eq!(end(&means, 1, 0.0625), Some(2));
        // A difference of just as much is not more.
        assert_eq!(end(&[0.5, 0.75], 1, 0.25), Some(2));
        assert_eq!(end(&[-2.0, -1.5, -1.5], 1, 0.25), Some(3));
    }

    #[test]
    fn without_patience_nothing_ends() {
        let first = Progress::after(None, 0.5, 0.0);
        let later = (0..100).fold(first, |progress, _| Progress::after(Some(progress), 0.5, 0.0));
        assert!(!later.is_over(None) && later.is_over(Some(100)) && !later.is_over(Some(101)));
    }
}
