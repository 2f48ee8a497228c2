//! Compares all composition strategies on the same tasks, data, steps and seeds.
//!
//! ```text
//! cargo run --release --example compare_strategies
//! ```
//!
//! The tasks are generated, the steps few, and all strategies share one learning rate: the order
//! may differ elsewhere.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use mtpt::burn::module::Module;
use mtpt::compose::CompositionConfig;
use mtpt::core::Backbone;
use mtpt::infer::{Prompted, TaskData};
use mtpt::tasks::{MixtureConfig, Rates, Split};
use mtpt::train::{
    EvaluationConfig, PromptTuningRun, RunConfig, TrainingConfig, initial_composition,
};
use mtpt_examples::Result;
use mtpt_examples::made_tasks::{self, Sizes};
use mtpt_examples::model::Model;
use mtpt_examples::terminal::finish;

/// Compares all composition strategies on the same tasks, data, steps and seeds.
#[derive(Parser)]
struct Arguments {
    /// Folder of a T5 in Hugging Face format [default: the one in this repository]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Training steps per strategy and seed
    #[arg(long, default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    steps: usize,
    /// Examples per step, over all tasks
    #[arg(long, default_value_t = 48, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    batch_size: usize,
    /// Peak learning rate
    #[arg(long, default_value_t = 0.1)]
    learning_rate: f64,
    /// Seeds of the initial values and of the training examples and their order; results are means
    /// over them
    #[arg(long, num_args = 1.., default_value = "0")]
    seeds: Vec<u64>,
    /// Generated test rows per group
    #[arg(long, default_value_t = Sizes::default().test, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    test_rows: usize,
    /// `auto`, `flex`, or a GPU whose feature is built in
    #[arg(long, default_value = "auto")]
    device: String,
}

/// Result of a strategy with one seed.
struct Run {
    /// Accuracy on the test rows of each task, as a fraction.
    accuracies: Vec<f64>,
    /// Trainable parameters of all tasks.
    parameters: usize,
    /// Seconds of training.
    seconds: f64,
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let device = mtpt::device(&arguments.device)?;
    let model = Model::load(arguments.model.as_deref(), &device)?;
    let made = tempfile::tempdir()?;
    let sizes = Sizes::with_test(arguments.test_rows);
    let tasks = made_tasks::tasks(made.path(), sizes, 0)?;
    let names: Vec<&str> = tasks.iter().map(|task| task.id().leaf()).collect();
    let widths: Vec<usize> = names.iter().map(|name| name.len().max(5)).collect();

    write!(output, "{:18}  {:>10}", "strategy", "parameters")?;
    for (name, width) in names.iter().zip(&widths) {
        write!(output, "  {name:>width$}")?;
    }
    writeln!(output, "  {:>7}  {:>7}", "average", "seconds")?;
    output.flush()?;
    for composition in CompositionConfig::catalogue() {
        let config = config(arguments, &model, composition);
        config.check()?;
        let runs = arguments
            .seeds
            .iter()
            .map(|&seed| learn(&RunConfig { seed, ..config.clone() }, &model, sizes))
            .collect::<Result<Vec<Run>>>()?;
        let mean = |value: &dyn Fn(&Run) -> f64| {
            runs.iter().map(value).sum::<f64>() / runs.len().max(1) as f64
        };
        let parameters = runs[0].parameters as f64 / names.len() as f64;
        write!(output, "{:18}  {parameters:10.0}", config.composition.name())?;
        for (task, width) in widths.iter().enumerate() {
            write!(output, "  {:width$.1}", 100.0 * mean(&|run| run.accuracies[task]))?;
        }
        let average = |run: &Run| run.accuracies.iter().sum::<f64>() / names.len() as f64;
        writeln!(output, "  {:7.1}  {:7.1}", 100.0 * mean(&average), mean(&|run| run.seconds))?;
        output.flush()?;
    }
    writeln!(
        output,
        "\nTest accuracy; trainable parameters per task, with an equal share of the shared ones; {} steps of {} rows at\n\
         learning rate {}, {} {}. One learning rate and few steps suit some strategies better than others.",
        arguments.steps,
        arguments.batch_size,
        arguments.learning_rate,
        if arguments.seeds.len() == 1 { "seed" } else { "means over the seeds" },
        arguments.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    )?;
    Ok(())
}

fn config(arguments: &Arguments, model: &Model, composition: CompositionConfig) -> RunConfig {
    RunConfig {
        composition,
        training: TrainingConfig {
            steps: arguments.steps,
            batch_size: arguments.batch_size,
            micro_batch_size: Some(16),
            learning_rate: arguments.learning_rate,
            ..TrainingConfig::default()
        },
        mixture: MixtureConfig { rates: Rates::Uniform, ..MixtureConfig::default() },
        // The prompts of the last step are evaluated; dev rows select nothing.
        evaluation: EvaluationConfig { every: 0, ..EvaluationConfig::default() },
        ..RunConfig::new(model.folder.display().to_string())
    }
}

fn learn(config: &RunConfig, model: &Model, sizes: Sizes) -> Result<Run> {
    let folder = tempfile::tempdir()?;
    let tasks = made_tasks::tasks(folder.path(), sizes, config.seed)?;
    let (t5, tokenizer) = (&model.t5, &model.tokenizer);
    let start = initial_composition(config, &tasks, t5, tokenizer, &t5.device().autodiff())?;
    let data = TaskData::read(tasks, tokenizer, t5, config.max_lengths())?;
    let parameters = start.num_params();
    let begun = Instant::now();
    let trained = PromptTuningRun::new(config, &data, t5).train(start)?;
    let seconds = begun.elapsed().as_secs_f64();
    let prompted = Prompted::new(t5, trained.prompts.composition())?;
    let accuracies = data
        .iter()
        .map(|task| Ok(prompted.evaluate(task, Split::Test, 64)?.primary()))
        .collect::<Result<Vec<f64>>>()?;
    Ok(Run { accuracies, parameters, seconds })
}
