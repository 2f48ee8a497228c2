//! Trains soft prompts for several tasks together on one frozen T5, with live progress and a
//! results table.
//!
//! ```text
//! cargo run --release --example multitask
//! cargo run --release --example multitask -- --model FOLDER --data FOLDER
//! ```
//!
//! Without arguments it uses the small T5 in this repository and generated tasks. With `--data` it
//! reads CoLA, MRPC, RTE, SST-2, STS-B (`glue/`), TREC, Subj and MPQA (`text/`) from a folder.

mod live;
mod report;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::builder::{PossibleValuesParser, RangedU64ValueParser};
use mtpt::burn::module::Module;
use mtpt::compose::{Composition, CompositionConfig};
use mtpt::infer::{Prompted, TaskData};
use mtpt::tasks::{Mixture, MixtureConfig, Rates, Split, Task, TaskTree};
use mtpt::train::{
    EvaluationConfig, PromptConfig, PromptTuningRun, RunConfig, TrainingConfig, initial_composition,
};
use mtpt_examples::Result;
use mtpt_examples::made_tasks::{self, Sizes};
use mtpt_examples::model::Model;
use mtpt_examples::real_tasks;
use mtpt_examples::terminal::{finish, grouped};

use crate::live::Live;
use crate::report::{Report, Row};

/// Trains soft prompts for several tasks together on one frozen T5.
#[derive(Parser)]
struct Arguments {
    /// Folder of a T5 in Hugging Face format [default: the one in this repository]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder with `glue/` and `text/` [default: generated tasks]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Training steps
    #[arg(long, default_value_t = 200, value_parser = at_least_1())]
    steps: usize,
    /// Examples per step, over all tasks
    #[arg(long, default_value_t = 64, value_parser = at_least_1())]
    batch_size: usize,
    /// Composition strategy
    #[arg(long, default_value = "add", value_parser = PossibleValuesParser::new(strategies()))]
    strategy: String,
    /// Length of the shared prompt
    #[arg(long, default_value_t = 20, value_parser = at_least_1())]
    length: usize,
    /// Peak learning rate
    #[arg(long, default_value_t = 0.1)]
    learning_rate: f64,
    /// Seed of the initial values, the generated training examples and their order
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// File for the trained prompts, for `mtpt predict` and the example `predict`
    #[arg(long)]
    save: Option<PathBuf>,
    /// Generated test rows per group
    #[arg(long, default_value_t = Sizes::default().test, value_parser = at_least_1())]
    test_rows: usize,
    /// `auto`, `flex`, or a GPU whose feature is built in
    #[arg(long, default_value = "auto")]
    device: String,
}

fn at_least_1() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

fn strategies() -> Vec<&'static str> {
    CompositionConfig::catalogue().iter().map(CompositionConfig::name).collect()
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let device = mtpt::device(&arguments.device)?;
    let made = tempfile::tempdir()?;
    let tasks = match &arguments.data {
        Some(data) => real_tasks::tasks(data, made.path(), arguments.seed)?,
        None => {
            let sizes = Sizes::with_test(arguments.test_rows);
            made_tasks::tasks(made.path(), sizes, arguments.seed)?
        }
    };
    let tree = TaskTree::new(tasks.iter().map(Task::id))?;
    let model = Model::load(arguments.model.as_deref(), &device)?;
    let (t5, tokenizer) = (&model.t5, &model.tokenizer);
    let config = config(arguments, &model)?;
    let begun = Instant::now();
    let frozen = model.fingerprint();

    let start = initial_composition(&config, &tasks, t5, tokenizer, &device.autodiff())?;
    let data = TaskData::read(tasks, tokenizer, t5, config.max_lengths())?;
    let parameters = start.num_params();
    writeln!(
        output,
        "Training {} tasks on one frozen T5: {} trainable parameters (`{}`), {} frozen.",
        data.len(),
        grouped(parameters),
        config.composition.name(),
        grouped(t5.get().num_params()),
    )?;
    output.flush()?;

    let measure = |composition: &Composition| -> Result<Vec<f64>> {
        let batch_size = config.evaluation.batch_size;
        let prompted = Prompted::new(t5, composition)?;
        let evaluate = |task| prompted.evaluate(task, Split::Test, batch_size);
        data.iter().map(|task| Ok(evaluate(task)?.primary())).collect()
    };
    let majority = data.iter().map(|task| Ok(task.majority(Split::Test)?.primary()));
    let majority = majority.collect::<Result<Vec<f64>>>()?;
    let mut live = Live::new(&tree, &data, &majority, config.training.steps)?;
    let before = measure(&start.valid())?;
    let learning = Instant::now();
    let trained = PromptTuningRun::new(&config, &data, t5).observer(&mut live).train(start)?;
    let learning = learning.elapsed().as_secs_f64();
    live.finish();
    let after = measure(trained.prompts.composition())?;

    let sizes: Vec<usize> = data.iter().map(|task| task.rows(Split::Train).len()).collect();
    let rates = Mixture::new(&config.mixture, &sizes, config.seed)?.rates();
    let rows = data
        .iter()
        .enumerate()
        .map(|(position, task)| Row {
            metric: task.task().metrics()[0].name(),
            majority: majority[position],
            before: before[position],
            after: after[position],
            parameters: parameters as f64 / data.len() as f64,
            seconds: learning * rates[position],
        })
        .collect();
    let report = Report {
        tree: &tree,
        rows,
        step: trained.step,
        steps: config.training.steps,
        trained: parameters,
        frozen: t5.get().num_params(),
        unchanged: frozen == model.fingerprint(),
        seconds: begun.elapsed().as_secs_f64(),
    };
    report.table(&mut output)?;
    if arguments.data.is_none() {
        report::written(&mut output, &model, &trained.prompts)?;
    }
    report.words(&mut output)?;
    if let Some(path) = &arguments.save {
        trained.prompts.write(path)?;
    }
    next(&mut output, arguments)
}

fn config(arguments: &Arguments, model: &Model) -> Result<RunConfig> {
    let strategies = CompositionConfig::catalogue().into_iter();
    let mut named = strategies.filter(|strategy| strategy.name() == arguments.strategy);
    let config = RunConfig {
        seed: arguments.seed,
        prompt: PromptConfig { length: arguments.length, ..PromptConfig::default() },
        composition: named.next().unwrap_or_default(),
        training: TrainingConfig {
            steps: arguments.steps,
            batch_size: arguments.batch_size,
            learning_rate: arguments.learning_rate,
            // Grouping rows of similar length saves padding.
            micro_batch_size: Some(16),
            max_input_length: 128,
            ..TrainingConfig::default()
        },
        mixture: MixtureConfig { rates: Rates::Uniform, ..MixtureConfig::default() },
        evaluation: EvaluationConfig {
            every: arguments.steps.div_ceil(10),
            ..EvaluationConfig::default()
        },
        ..RunConfig::new(model.folder.display().to_string())
    };
    config.check()?;
    Ok(config)
}

/// Prints suggestions for what to run next.
fn next(output: &mut impl Write, arguments: &Arguments) -> Result<()> {
    let example = "cargo run --release --example";
    let other = if arguments.strategy == "low_rank" { "add" } else { "low_rank" };
    let ready = match &arguments.save {
        Some(path) => format!("{example} predict -- --prompts {}", path.display()),
        None => format!("{example} predict"),
    };
    let commands = [
        (format!("{example} multitask -- --strategy {other}"), "another composition"),
        (format!("{example} compare_strategies"), "all strategies compared"),
        (ready, "trained prompts in your own program"),
        ("cargo install --path crates/mtpt-cli".into(), "the command `mtpt`"),
        ("mtpt init YOUR.csv --model examples/models/mtpt-nano".into(), "your own data"),
    ];
    writeln!(output, "\nNext:")?;
    let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    for (command, purpose) in commands {
        writeln!(output, "  {command:width$}  {purpose}")?;
    }
    writeln!(output, "To use your own data, read docs/src/getting-started.md.")?;
    Ok(output.flush()?)
}
