//! Warnings of learning rates with which nothing can be trained.

use mtpt::train::{PretrainingConfig, StagedRunConfig, TrainingConfig};

use crate::stdio::message;

/// The learning rates that a kind of training works with.
struct Usual {
    what: &'static str,
    range: &'static str,
    /// Learning rate above which a warning is due: even a normalized step is then much larger than
    /// the values that it changes.
    largest: f64,
}

/// Warns of learning rates that are far too high for prompts.
pub(crate) fn warn_of_rates(config: &StagedRunConfig) {
    let usual = Usual { what: "prompts are", range: "0.01 to 1", largest: 10.0 };
    warn("training", &config.run.training, &usual);
    if let Some(teachers) = &config.teachers {
        warn("teachers.training", &teachers.training, &usual);
    }
    if let Some(adaptation) = &config.adaptation {
        warn("adaptation.training", &adaptation.training, &usual);
    }
}

/// Warns of a learning rate that is far too high for the weights of a model.
pub(crate) fn warn_of_pretraining_rate(config: &PretrainingConfig) {
    let usual = Usual { what: "a whole model is", range: "0.0001 to 0.003", largest: 1.0 };
    warn("training", &config.training, &usual);
}

fn warn(table: &str, training: &TrainingConfig, usual: &Usual) {
    let Usual { what, range, largest } = usual;
    let task = training.task_learning_rate.map(|rate| ("task_learning_rate", rate));
    let rates = [Some(("learning_rate", training.learning_rate)), task];
    for (key, rate) in rates.into_iter().flatten().filter(|(_, rate)| rate > largest) {
        message(&format!(
            "warning: `{table}.{key}` is {rate:e}; {what} usually trained with learning rates from \
             {range}"
        ));
    }
}
