use serde::{Deserialize, Serialize};

/// How the learning rate goes from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decay {
    /// Down to zero along a straight line.
    #[default]
    Linear,
    /// None: the peak stays.
    Constant,
}

/// The learning rate as a pure function of the step: a linear warm-up to a peak, then the decay.
///
/// The rates are those of transformers' `get_linear_schedule_with_warmup` and `get_constant_schedule_with_warmup`: with a
/// warm-up of `w` steps, step 0 has rate 0 and step `w` the peak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Highest rate.
    pub peak: f64,
    /// Steps before the peak.
    pub warmup_steps: usize,
    /// Steps in all.
    pub steps: usize,
    /// What follows the warm-up.
    pub decay: Decay,
}

impl Schedule {
    /// The rate of a step, counted from 0.
    pub fn rate(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return self.peak * step as f64 / self.warmup_steps as f64;
        }
        match self.decay {
            Decay::Constant => self.peak,
            Decay::Linear => {
                let decaying = self.steps.saturating_sub(self.warmup_steps).max(1);
                self.peak * self.steps.saturating_sub(step) as f64 / decaying as f64
            }
        }
    }
}

/// Whether what is done every so many steps, and after the last, is done after a step; every 0 steps is after the last
/// alone.
pub(crate) fn is_due(step: usize, steps: usize, every: usize) -> bool {
    step == steps || (every > 0 && step.is_multiple_of(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_rates_are_those_of_transformers() {
        let schedule = Schedule { peak: 0.5, warmup_steps: 2, steps: 6, decay: Decay::Linear };
        let rates: Vec<f64> = (0..7).map(|step| schedule.rate(step)).collect();
        // get_linear_schedule_with_warmup(optimizer with lr 0.5, 2, 6), printed step by step.
        assert_eq!(rates, [0.0, 0.25, 0.5, 0.375, 0.25, 0.125, 0.0]);
    }

    #[test]
    fn without_warmup_the_first_step_has_the_peak() {
        let schedule = Schedule { peak: 0.3, warmup_steps: 0, steps: 3, decay: Decay::Linear };
        assert_eq!(schedule.rate(0), 0.3);
        let schedule = Schedule { decay: Decay::Constant, ..schedule };
        assert_eq!(schedule.rate(2), 0.3);
    }
}
