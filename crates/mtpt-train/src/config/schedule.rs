use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// How the learning rate decays after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decay {
    /// Linearly to zero.
    #[default]
    Linear,
    /// Not at all.
    Constant,
    /// To zero along half a cosine (Loshchilov and Hutter, 2017, without restarts).
    Cosine,
    /// With the inverse square root of the step, as in the pretraining of T5 (Raffel et al., 2020,
    /// section 3.1.2).
    InverseSquareRoot,
}

impl Decay {
    /// Returns whether the learning rate of a step depends on the total number of steps. Otherwise
    /// a run can be extended.
    pub fn depends_on_steps(self) -> bool {
        matches!(self, Self::Linear | Self::Cosine)
    }
}

/// The learning rate as a pure function of the step: a linear warm-up to a peak, then the decay.
///
/// With a warm-up of `w` of `n` steps, step `s < w` has the learning rate `peak s / w`, and a later
/// step has `peak` times
///
/// | [`Decay`] | factor of step `s` | in transformers |
/// |---|---|---|
/// | `Linear` | `(n - s) / (n - w)` | `get_linear_schedule_with_warmup` |
/// | `Constant` | 1 | `get_constant_schedule_with_warmup` |
/// | `Cosine` | `(1 + cos(π (s - w) / (n - w))) / 2` | `get_cosine_schedule_with_warmup` |
/// | `InverseSquareRoot` | `√(w / s)` | `get_inverse_sqrt_schedule` |
///
/// Without a warm-up, the factor of `InverseSquareRoot` is `√(10000 / (10000 + s))`. From step `n`
/// on, the learning rate of `Linear` and `Cosine` is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Highest learning rate.
    pub peak: f64,
    /// Steps before the peak.
    pub warmup_steps: usize,
    /// Total number of steps.
    pub steps: usize,
    /// Decay after the warm-up.
    pub decay: Decay,
}

impl Schedule {
    /// Returns the learning rate of a step, counted from 0.
    pub fn rate(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return self.peak * step as f64 / self.warmup_steps as f64;
        }
        let decaying = self.steps.saturating_sub(self.warmup_steps).max(1) as f64;
        match self.decay {
            Decay::Constant => self.peak,
            Decay::Linear => self.peak * self.steps.saturating_sub(step) as f64 / decaying,
            Decay::Cosine => {
                // Beyond the last step a cosine would rise again.
                let done = ((step - self.warmup_steps) as f64 / decaying).min(1.0);
                self.peak * 0.5 * (1.0 + (PI * done).cos())
            }
            Decay::InverseSquareRoot => {
                let (scale, since) = match self.warmup_steps {
                    0 => (SCALE_WITHOUT_WARMUP, SCALE_WITHOUT_WARMUP + step as f64),
                    warmup => (warmup as f64, step as f64),
                };
                self.peak * (scale / since).sqrt()
            }
        }
    }
}

/// Length of the warm-up that [`Decay::InverseSquareRoot`] assumes if there is none, as in
/// transformers. T5 was pretrained with the same number.
const SCALE_WITHOUT_WARMUP: f64 = 10_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_learning_rates_match_transformers() {
        let schedule = Schedule { peak: 0.5, warmup_steps: 2, steps: 6, decay: Decay::Linear };
        let rates: Vec<f64> = (0..7).map(|step| schedule.rate(step)).collect();
        // get_linear_schedule_with_warmup(optimizer with lr 0.5, 2, 6), printed step by step.
        assert_eq!(rates, [0.0, 0.25, 0.5, 0.375, 0.25, 0.125, 0.0]);
    }

    fn close(schedule: Schedule, steps: &[usize], expected: &[f64]) {
        assert_eq!(steps.len(), expected.len());
        for (&step, expected) in steps.iter().zip(expected) {
            let found = schedule.rate(step);
            // The order of operations differs, so values differ by a few units in the last place.
            assert!((found - expected).abs() < 1e-15, "step {step}: {found} {expected}");
        }
    }

    #[test]
    fn cosine_learning_rates_match_transformers() {
        let schedule = Schedule { peak: 0.5, warmup_steps: 2, steps: 6, decay: Decay::Cosine };
        // get_cosine_schedule_with_warmup(optimizer with lr 0.5, 2, 6), printed step by step, then
        // (.., 0, 6).
        let expected = [0.0, 0.25, 0.5, 0.42677669529663687, 0.25, 0.07322330470336313, 0.0];
        close(schedule, &[0, 1, 2, 3, 4, 5, 6], &expected);
        let schedule = Schedule { warmup_steps: 0, ..schedule };
        let expected =
            [0.5, 0.4665063509461097, 0.375, 0.25, 0.12500000000000006, 0.03349364905389032, 0.0];
        close(schedule, &[0, 1, 2, 3, 4, 5, 6], &expected);
        assert_eq!(schedule.rate(8), 0.0, "a cosine does not rise again");
    }

    #[test]
    fn inverse_square_root_learning_rates_match_transformers() {
        let decay = Decay::InverseSquareRoot;
        let schedule = Schedule { peak: 0.5, warmup_steps: 2, steps: 6, decay };
        // get_inverse_sqrt_schedule(optimizer with lr 0.5, 2), printed step by step, then (.., 100)
        // and (.., 0).
        let expected = [
            0.0,
            0.25,
            0.5,
            0.4082482904638631,
            0.35355339059327373,
            0.31622776601683794,
            0.2886751345948129,
        ];
        close(schedule, &[0, 1, 2, 3, 4, 5, 6], &expected);
        let schedule = Schedule { warmup_steps: 100, ..schedule };
        close(schedule, &[50, 100, 400, 10_000], &[0.25, 0.5, 0.25, 0.05]);
        let schedule = Schedule { warmup_steps: 0, ..schedule };
        let expected = [0.5, 0.49997500187484384, 0.35355339059327373, 0.25, 0.15811388300841897];
        close(schedule, &[0, 1, 10_000, 30_000, 90_000], &expected);
    }

    #[test]
    fn learning_rates_are_continuous_and_at_most_the_peak() {
        for decay in [Decay::Linear, Decay::Constant, Decay::Cosine, Decay::InverseSquareRoot] {
            for warmup_steps in [0, 1, 7, 50, 99] {
                let schedule = Schedule { peak: 0.3, warmup_steps, steps: 100, decay };
                let rate = |step| schedule.rate(step);
                let case = format!("{decay:?} after {warmup_steps}");
                assert_eq!(rate(warmup_steps), 0.3, "{case}");
                assert!((0..warmup_steps).all(|step| rate(step) < rate(step + 1)), "{case}");
                assert!((warmup_steps..120).all(|step| rate(step) >= rate(step + 1)), "{case}");
                assert!((0..120).all(|step| (0.0..=0.3).contains(&rate(step))), "{case}");
                // Between two steps the learning rate changes by at most the steepest slope: of the
                // warm-up, the line, the middle of the cosine or the start of the square root.
                let decaying = (100 - warmup_steps) as f64;
                let steepest = match decay {
                    Decay::Linear => 1.0 / decaying,
                    Decay::Constant => 0.0,
                    Decay::Cosine => PI / 2.0 / decaying,
                    Decay::InverseSquareRoot => 0.5 / (warmup_steps.max(1) as f64),
                };
                let warmup = 1.0 / warmup_steps.max(1) as f64;
                let most = 0.3 * steepest.max(if warmup_steps > 0 { warmup } else { 0.0 });
                for step in 0..120 {
                    assert!((rate(step + 1) - rate(step)).abs() < most + 1e-12, "{case}, {step}");
                }
            }
        }
    }

    #[test]
    fn without_warmup_the_first_step_has_the_peak_learning_rate() {
        let schedule = Schedule { peak: 0.3, warmup_steps: 0, steps: 3, decay: Decay::Linear };
        assert_eq!(schedule.rate(0), 0.3);
        let schedule = Schedule { decay: Decay::Constant, ..schedule };
        assert_eq!(schedule.rate(2), 0.3);
    }
}
