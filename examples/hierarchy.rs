//! Compares a task tree whose groups share prompts with flat prompts that have as many parameters.
//!
//! ```text
//! cargo run --release --example hierarchy
//! cargo run --release --example hierarchy -- --model FOLDER --data FOLDER
//! ```
//!
//! Uses eight tasks in three groups from `--data` or, if it exists, `../shared/data`; otherwise
//! generated tasks.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use mtpt::compose::{AddConfig, CompositionConfig, HierarchyConfig, LowRankConfig, SeparateConfig};
use mtpt::infer::{Prompted, TaskData};
use mtpt::tasks::{MixtureConfig, Rates, Split, Task, TaskTree};
use mtpt::train::{
    EvaluationConfig, PromptConfig, PromptTuningRun, RunConfig, TrainingConfig, initial_composition,
};
use mtpt_examples::Result;
use mtpt_examples::made_tasks::{self, Sizes};
use mtpt_examples::model::Model;
use mtpt_examples::real_tasks;
use mtpt_examples::terminal::{finish, grouped};

/// Default folder of the real data.
const DATA: &str = "../shared/data";
/// Compares a task tree whose groups share prompts with flat prompts that have as many parameters.
#[derive(Parser)]
struct Arguments {
    /// Folder of a T5 in Hugging Face format [default: the one in this repository]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder with `glue/` and `text/` [default: `../shared/data` if it exists, otherwise generated
    /// tasks]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Training steps of each of the three
    #[arg(long, default_value_t = 200, value_parser = at_least_1())]
    steps: usize,
    /// Examples per step, over all tasks
    #[arg(long, default_value_t = 64, value_parser = at_least_1())]
    batch_size: usize,
    /// Length of the tree's prompts; flat ones get the length with the closest number of parameters
    #[arg(long, default_value_t = 20, value_parser = at_least_1())]
    length: usize,
    /// Peak learning rate
    #[arg(long, default_value_t = 0.1)]
    learning_rate: f64,
    /// Seed of the initial values and of the example order
    #[arg(long, default_value_t = 0)]
    seed: u64,
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

/// Trained prompts and their results.
struct Run {
    name: &'static str,
    length: usize,
    parameters: usize,
    /// First metric of each task on its test rows, as a fraction.
    values: Vec<f64>,
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let device = mtpt::device(&arguments.device)?;
    let model = Model::load(arguments.model.as_deref(), &device)?;
    let (t5, tokenizer) = (&model.t5, &model.tokenizer);
    let made = tempfile::tempdir()?;
    let tasks = tasks(arguments, made.path())?;
    let tree = TaskTree::new(tasks.iter().map(Task::id))?;
    let data =
        TaskData::read(tasks.clone(), tokenizer, t5, config(arguments, &model).max_lengths())?;

    let learn = |name, composition, length| -> Result<Run> {
        let config = RunConfig {
            prompt: PromptConfig { length, ..PromptConfig::default() },
            composition,
            ..config(arguments, &model)
        };
        let start =
            initial_composition(&config, &tasks, t5, tokenizer, &device.clone().autodiff())?;
        let parameters = start.trainable_parameters();
        eprintln!(
            "{name}: {} steps, {} trainable parameters, prompt length {length}",
            config.training.steps,
            grouped(parameters)
        );
        let begun = Instant::now();
        let trained = PromptTuningRun::new(&config, &data, t5).train(start)?;
        eprintln!("{name}: {:.0} seconds", begun.elapsed().as_secs_f64());
        let score = |task| -> Result<f64> {
            let prompted = Prompted::new(t5, trained.prompts.composition())?;
            Ok(prompted.evaluate(task, Split::Test, 64)?.primary())
        };
        let values = data.iter().map(score).collect::<Result<_>>()?;
        Ok(Run { name, length, parameters, values })
    };
    let levels = [
        CompositionConfig::Separate(SeparateConfig::default()),
        CompositionConfig::Add(AddConfig::default()),
        CompositionConfig::LowRank(LowRankConfig::default()),
    ];
    let hierarchy = CompositionConfig::Hierarchy(HierarchyConfig { levels: Some(levels.to_vec()) });
    let tree_run = learn("hierarchy", hierarchy, arguments.length)?;
    // The number of vectors with the closest number of parameters.
    let vectors = |prompts: usize| {
        let width = prompts * t5.config().d_model;
        ((tree_run.parameters + width / 2) / width).max(1)
    };
    let runs = [
        learn("add", levels[1].clone(), vectors(data.len() + 1))?,
        learn("separate", levels[0].clone(), vectors(data.len()))?,
    ];
    let runs: Vec<&Run> = [&tree_run].into_iter().chain(&runs).collect();
    table(&mut output, &tree, &data, &runs)?;
    writeln!(
        output,
        "\n`hierarchy`: one prompt for all, a sum per group, rank 1 per task. `add`: one prompt for all, a sum per task.\n\
         `separate`: a plain prompt per task. Test metrics, {} steps of {} rows at learning rate {}, seed {}.",
        arguments.steps, arguments.batch_size, arguments.learning_rate, arguments.seed,
    )?;
    Ok(())
}

fn tasks(arguments: &Arguments, made: &Path) -> Result<Vec<Task>> {
    let shared = Path::new(DATA);
    let data = arguments.data.as_deref().or(shared.is_dir().then_some(shared));
    let Some(data) = data else {
        let sizes = Sizes::with_test(arguments.test_rows);
        return made_tasks::tasks(made, sizes, arguments.seed);
    };
    let tasks = real_tasks::tasks(data, made, arguments.seed)?;
    tasks.iter().map(|task| real_tasks::in_group(task.config())).collect()
}

fn config(arguments: &Arguments, model: &Model) -> RunConfig {
    RunConfig {
        seed: arguments.seed,
        composition: CompositionConfig::default(),
        training: TrainingConfig {
            steps: arguments.steps,
            batch_size: arguments.batch_size,
            micro_batch_size: Some(16),
            learning_rate: arguments.learning_rate,
            max_input_length: 128,
            ..TrainingConfig::default()
        },
        mixture: MixtureConfig { rates: Rates::Uniform, ..MixtureConfig::default() },
        evaluation: EvaluationConfig { every: 50, ..EvaluationConfig::default() },
        ..RunConfig::new(model.folder.display().to_string())
    }
}

/// Prints a line per tree node; groups show the means of their tasks.
fn table(output: &mut impl Write, tree: &TaskTree, data: &[TaskData], runs: &[&Run]) -> Result<()> {
    write!(output, "{:16}  {:9}  {:>8}", "", "metric", "majority")?;
    for run in runs {
        write!(output, "  {:>10}", run.name)?;
    }
    for (name, value) in [
        ("length", (|run: &Run| run.length) as fn(&Run) -> usize),
        ("parameters", |run| run.parameters),
    ] {
        write!(output, "\n{name:16}  {:9}  {:8}", "", "")?;
        for run in runs {
            write!(output, "  {:>10}", grouped(value(run)))?;
        }
    }
    writeln!(output)?;
    let majority = data.iter().map(|task| Ok(task.majority(Split::Test)?.primary()));
    let majority = majority.collect::<Result<Vec<f64>>>()?;
    let mut line = |name: &str, metric: &str, tasks: &[usize]| -> Result<()> {
        let mean = |values: &[f64]| {
            100.0 * tasks.iter().map(|&task| values[task]).sum::<f64>() / tasks.len() as f64
        };
        write!(output, "{name:16}  {metric:9}  {:8.1}", mean(&majority))?;
        for run in runs {
            write!(output, "  {:10.1}", mean(&run.values))?;
        }
        Ok(writeln!(output)?)
    };
    for node in tree.nodes().skip(1) {
        let name = format!("{}{}", "  ".repeat(node.depth() - 1), node.name());
        let metric = node.task().map_or("mean", |task| data[task].task().metrics()[0].name());
        line(&name, metric, tree.tasks_below(node.index()))?;
    }
    line("average", "", tree.tasks_below(tree.root().index()))
}
