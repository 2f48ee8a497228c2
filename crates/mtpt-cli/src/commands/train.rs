use std::path::Path;

use mtpt::Model;
use mtpt::tasks::Task;
use mtpt::train::{PipelineReport, Stage, StagedRunConfig};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::args::baseline::BaselineArgs;
use crate::args::training::{Run, Train};
use crate::args::weights::WeightArgs;
use crate::error::Result;
use crate::model::choose_device;
use crate::pipeline_job::{Mode, PipelineJob};
use crate::signals::Signals;
use crate::stdio::Output;
use crate::sweep::runs::run_all;
use crate::sweep::shared::{Shared, SharedLines};
use crate::sweep::variants::{Variant, variants};

/// Summary on standard output.
#[derive(Serialize)]
struct Summary<'a> {
    #[serde(serialize_with = "crate::lossy_path::serialize")]
    prompts: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped_early: Option<usize>,
}

pub(crate) fn run(arguments: &Train) -> Result<()> {
    let stages = if arguments.stage.is_empty() {
        Stage::ALL.to_vec()
    } else {
        arguments.stage.iter().copied().map(Stage::from).collect()
    };
    let change =
        |config, _: &[Task]| with_overrides(config, arguments.weights, &arguments.baseline);
    run_pipeline(&arguments.run, change, &Mode::Train(stages))
}

/// Applies the arguments about the weights and the baseline to the configuration.
pub(crate) fn with_overrides(
    mut config: StagedRunConfig,
    weights: WeightArgs,
    baseline: &BaselineArgs,
) -> StagedRunConfig {
    let backbone = &mut config.run.backbone;
    backbone.weights = weights.or(backbone.weights);
    let evaluation = &mut config.run.evaluation;
    evaluation.baseline = baseline.choice().or(evaluation.baseline);
    config
}

/// Reads a configuration, changes it, runs its stages, once for each combination of listed values,
/// and writes the results to standard output.
pub(crate) fn run_pipeline(
    arguments: &Run,
    change: impl Fn(StagedRunConfig, &[Task]) -> StagedRunConfig,
    mode: &Mode<'_>,
) -> Result<()> {
    let variants = variants(arguments)?;
    if !variants.is_empty() {
        return sweep(&variants, &change, mode);
    }
    let device = choose_device(&arguments.device.device)?;
    let job = PipelineJob::prepare(arguments, mode, &change)?;
    let model = job.load_model(&device.device)?;
    let signals = Signals::watch()?;
    let done = job.execute(&model, device.name, &signals, None)?;
    drop(signals);
    write_results(&done, job.has_stages())
}

/// Runs the variants of a sweep. The model and the examples are loaded once if they are the same.
fn sweep(
    variants: &[Variant],
    change: &impl Fn(StagedRunConfig, &[Task]) -> StagedRunConfig,
    mode: &Mode<'_>,
) -> Result<()> {
    let device = choose_device(&variants[0].arguments.device.device)?;
    // All settings and folders are checked before the first run.
    let jobs =
        variants.iter().map(|variant| PipelineJob::prepare(&variant.arguments, mode, change));
    let jobs = jobs.collect::<Result<Vec<_>>>()?;
    let signals = Signals::watch()?;
    let lines = SharedLines::of_sweep();
    let mut loaded: Option<(&PipelineJob<'_>, Model, Shared)> = None;
    run_all(variants, |position| {
        let job = &jobs[position];
        let same = loaded.take().filter(|(other, ..)| job.has_model_of(other));
        let (_, model, shared) = &*match same {
            Some(same) => loaded.insert(same),
            None => loaded.insert((job, job.load_model(&device.device)?, Shared::new(&lines))),
        };
        let done = job.execute(model, device.name, &signals, Some(shared))?;
        Ok(summary(&done))
    })
}

/// Returns the results of a pipeline as one object. The score is the mean of the last stage.
fn summary(done: &PipelineReport) -> Map<String, Value> {
    let last = done.runs.last().map(|run| run.stage);
    let runs: Vec<_> = done.runs.iter().filter(|run| Some(run.stage) == last).collect();
    let mut summary = Map::new();
    if let Some(prompts) = &done.prompts {
        summary.insert("prompts".to_owned(), json!(prompts.to_string_lossy()));
    }
    if let [run] = runs.as_slice() {
        summary.insert("step".to_owned(), run.step.into());
        if let Some(step) = run.stopped_early {
            summary.insert("stopped_early".to_owned(), step.into());
        }
    }
    let mut scores: Vec<f64> = runs.iter().filter_map(|run| run.score).collect();
    if !done.few_shot.is_empty() {
        scores = done.few_shot.iter().map(|result| result.mean).collect();
    }
    if !scores.is_empty() {
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        summary.insert("score".to_owned(), mean.into());
    }
    summary
}

fn write_results(done: &PipelineReport, has_stages: bool) -> Result<()> {
    let mut output = Output::new();
    if let (false, [run]) = (has_stages, done.runs.as_slice()) {
        let (prompts, step) = (run.prompts.as_path(), Some(run.step));
        let (score, stopped_early) = (run.score, run.stopped_early);
        output.row(&Summary { prompts, step, score, stopped_early })?;
        return output.flush();
    }
    for run in &done.runs {
        output.row(run)?;
    }
    for result in &done.few_shot {
        output.row(result)?;
    }
    if let Some(prompts) = &done.prompts {
        output.row(&Summary { prompts, step: None, score: None, stopped_early: None })?;
    }
    output.flush()
}
