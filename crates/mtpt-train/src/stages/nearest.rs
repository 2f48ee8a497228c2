use std::path::Path;

use burn::tensor::Tensor;
use mtpt_compose::{CompositionConfig, SeparateConfig};
use mtpt_core::{Backbone, TaskIndex};
use mtpt_tasks::{Split, Task, TaskId, Tokenize};

use crate::config::run::{EvaluationConfig, PromptConfig, RunConfig, TrainingConfig};
use crate::config::stages::NearestConfig;
use crate::error::Result;
use crate::run::observer::Observer;
use crate::stages::execute::{Stage, Stages, StagesDone};
use mtpt_infer::Prompts;

/// The source whose prompt is nearest to one that is learned for a target, and its cosine (SPoT, Vu et al., 2022, section 3):
/// prompts are compared by the means of their vectors.
pub(crate) fn nearest<B: Backbone, E: Tokenize>(
    stages: &Stages<'_, B, E>,
    config: &NearestConfig,
    sources: &Prompts,
    target: &Task,
    place: &Path,
    observer: &mut impl Observer,
) -> Result<(TaskId, f64)> {
    let header = sources.header();
    let run = &stages.config.run;
    let training = stages.config.adaptation.as_ref().map_or(&run.training, |stage| &stage.training);
    let config = RunConfig {
        prompt: PromptConfig {
            length: header.length,
            initializer: run.prompt.initializer.clone(),
            ..PromptConfig::default()
        },
        composition: CompositionConfig::Separate(SeparateConfig::default()),
        training: TrainingConfig {
            steps: config.steps,
            warmup_steps: training.warmup_steps.min(config.steps - 1),
            ..training.without_task_options()
        },
        mixture: stages.of_one(),
        // Nothing is chosen on `dev`, the prompt of the last step is compared.
        evaluation: EvaluationConfig { every: 0, patience: None, ..run.evaluation.clone() },
        ..run.clone()
    };
    let data = vec![stages.read_split(0, target.clone(), Split::Train, &config)?];
    // In a folder of its own, so that a run that goes on finds what was compared.
    let (place, unlisted) = (place.join("nearest"), &mut StagesDone::default());
    let learned = stages.learn(Stage::Targets, place, &config, &data, observer, unlisted)?;
    let learned = mean_vector(learned.prompts.composition().plain_prompt(TaskIndex::new(0))?);
    let mut best: Option<(usize, f64)> = None;
    for position in 0..sources.tasks().len() {
        let of_source = mean_vector(sources.composition().plain_prompt(TaskIndex::new(position))?);
        let cosine = cosine(&learned, &of_source);
        if best.is_none_or(|(_, most)| cosine > most) {
            best = Some((position, cosine));
        }
    }
    let (position, cosine) = best.expect("invariant: prompts are of at least one task");
    Ok((sources.tasks()[position].name.clone(), cosine))
}

/// `[length, d_model]` to `d_model` numbers.
fn mean_vector(prompt: Tensor<2>) -> Vec<f64> {
    let mean = prompt.mean_dim(0).into_data();
    mean.iter::<f32>().map(f64::from).collect()
}

fn cosine(first: &[f64], second: &[f64]) -> f64 {
    let product = |first: &[f64], second: &[f64]| -> f64 {
        first.iter().zip(second).map(|(first, second)| first * second).sum()
    };
    let norms = (product(first, first) * product(second, second)).sqrt();
    // Of a prompt of zeros no direction is known.
    if norms > 0.0 { product(first, second) / norms } else { 0.0 }
}
