/// Steps at which a run evaluates, and the consequences of the results.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EvaluationPolicy {
    /// Steps between evaluations; 0 evaluates after the last step only.
    pub(crate) every: usize,
    /// Whether to evaluate before the first step.
    pub(crate) first: FirstEvaluation,
    /// Whether the run returns the best module instead of the last one.
    pub(crate) keep_best: bool,
    /// Evaluations without progress after which the run ends.
    pub(crate) patience: Option<usize>,
    /// Difference that a score must exceed to count as progress.
    pub(crate) min_delta: f64,
}

/// The evaluation before the first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstEvaluation {
    /// There is none.
    None,
    /// Later results are compared with it.
    Baseline,
    /// The untrained module may be the best.
    Candidate,
}

impl EvaluationPolicy {
    /// Returns whether an evaluation follows a step, counted from 1, of `steps`.
    pub(crate) fn is_due(&self, step: usize, steps: usize) -> bool {
        step == steps || (self.every > 0 && step.is_multiple_of(self.every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluations_follow_every_so_many_steps_and_the_last_one() {
        let due = |every| {
            let policy = EvaluationPolicy {
                every,
                first: FirstEvaluation::None,
                keep_best: true,
                patience: None,
                min_delta: 0.0,
            };
            (1..=10).filter(|&step| policy.is_due(step, 10)).collect::<Vec<_>>()
        };
        assert_eq!(due(4), [4, 8, 10]);
        assert_eq!(due(5), [5, 10]);
        assert_eq!(due(0), [10]);
    }
}
