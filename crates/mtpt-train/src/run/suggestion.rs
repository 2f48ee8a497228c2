//! Suggested changes to the configuration of a run that did not learn a task.

use crate::config::run::RunConfig;
use crate::config::schedule::Decay;

/// Steps below which a longer run is suggested. Published runs have thousands.
const MANY_STEPS: usize = 1_000;
/// Learning rate below which a higher one is suggested: the one of the prompt tuning paper.
const USUAL_RATE: f64 = 0.3;
/// Examples per step below which more are suggested.
const USUAL_BATCH: usize = 32;

/// Returns a suggestion for a run that did not learn a task, with values that differ from its
/// configuration.
pub(crate) fn suggestion(config: &RunConfig) -> String {
    let training = &config.training;
    let mut options = Vec::new();
    if training.steps < MANY_STEPS {
        let more = (4 * training.steps).min(MANY_STEPS);
        options.push(format!("`training.steps = {more}` instead of {}", training.steps));
    }
    if training.learning_rate < USUAL_RATE {
        let rate = training.learning_rate;
        options.push(format!("`training.learning_rate = {USUAL_RATE}` instead of {rate}"));
    }
    if training.decay != Decay::Constant {
        options.push("`training.decay = \"constant\"`".to_owned());
    }
    if training.batch_size < USUAL_BATCH {
        let size = training.batch_size;
        options.push(format!("`training.batch_size = {USUAL_BATCH}` instead of {size}"));
    }
    if options.is_empty() {
        let rate = format!("{:.1e}", training.learning_rate / 3.0);
        return format!(
            "try `training.learning_rate = {rate}`, a longer `prompt.length`, other label words or \
             more training rows"
        );
    }
    format!("try {}", options.join(", or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_values_are_suggested() {
        let mut config: RunConfig = toml::from_str("model = \"t5\"").unwrap();
        config.training.steps = 60;
        config.training.learning_rate = 0.03;
        assert_eq!(
            suggestion(&config),
            "try `training.steps = 240` instead of 60, or `training.learning_rate = 0.3` instead \
             of 0.03, or `training.decay = \"constant\"`"
        );
        config.training.steps = 2_000;
        config.training.learning_rate = 0.3;
        config.training.decay = Decay::Constant;
        assert!(suggestion(&config).starts_with("try `training.learning_rate = 1.0e-1`, a longer"));
    }
}
