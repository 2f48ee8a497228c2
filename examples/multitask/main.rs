//! Learns several tasks together by soft prompts on one frozen T5 and shows what came of it.
//!
//! ```text
//! cargo run --release --example multitask
//! cargo run --release --example multitask -- --model FOLDER --data FOLDER
//! ```
//!
//! Without arguments it runs on what the repository holds: a small T5, and tasks that it makes itself. With `--data` it
//! reads CoLA, MRPC, RTE, SST-2, STS-B (`glue/`), TREC, Subj and MPQA (`text/`) from a folder.

mod made_tasks;
mod real_tasks;
mod table;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use mtpt::burn::module::Module;
use mtpt::compose::{Composition, CompositionConfig};
use mtpt::core::Frozen;
use mtpt::t5::{T5, T5Tokenizer, locate};
use mtpt::tasks::{Mixture, MixtureConfig, Rates, Split, Task};
use mtpt::train::{
    EvaluationConfig, Observer, PromptConfig, RunConfig, StepEvent, TaskData, TrainingConfig,
    evaluate, initial_composition, train,
};

#[derive(Parser)]
struct Arguments {
    /// Folder of a T5 in Hugging Face form [default: the one in this repository]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder with `glue/` and `text/` [default: tasks that this example makes]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Steps of training
    #[arg(long, default_value_t = 300)]
    steps: usize,
    /// Rows of a step, of all tasks together
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// Strategy that composes the prompts
    #[arg(long, default_value = "add")]
    strategy: String,
    /// Length of the shared prompt
    #[arg(long, default_value_t = 20)]
    length: usize,
    /// Highest learning rate
    #[arg(long, default_value_t = 0.1)]
    learning_rate: f64,
    /// Seed of first values and of the order of rows
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// `auto`, `flex`, or a GPU whose feature is built in
    #[arg(long, default_value = "auto")]
    device: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let device = mtpt::device(&arguments.device)?;
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mtpt-nano");
    let folder = locate(arguments.model.as_deref().unwrap_or(&bundled))?;
    let t5 = Frozen::new(T5::load(&folder, &device)?);
    let tokenizer = T5Tokenizer::load(&folder, t5.config())?;

    let made = tempfile::tempdir()?;
    let tasks: Vec<Task> = match &arguments.data {
        Some(data) => real_tasks::tasks(data)?,
        None => made_tasks::tasks(made.path(), arguments.seed)?,
    };
    let config = config(&arguments, &folder)?;
    let encoder = tokenizer.as_inner();
    let data = TaskData::read(tasks.clone(), encoder, t5.get(), config.max_lengths())?;
    let composition = initial_composition(&config, &tasks, t5.get(), encoder, &device.autodiff())?;

    println!("{} tasks on a frozen T5 of {} parameters", tasks.len(), t5.get().num_params());
    let measure = |composition: &Composition| {
        data.iter()
            .map(|task| {
                let split = judged(task);
                evaluate(t5.get(), Some(composition), task, split, 64).map(|found| found.primary())
            })
            .collect::<Result<Vec<f64>, _>>()
    };
    let before = measure(&composition.valid())?;
    let begun = Instant::now();
    let mut bar = Bar::new(config.training.steps);
    let trained = train(&config, &data, t5.get(), composition, None, &mut bar)?;
    let seconds = begun.elapsed().as_secs_f64();
    let after = measure(trained.prompts.composition())?;

    let sizes: Vec<usize> = data.iter().map(|task| task.rows(Split::Train).len()).collect();
    let rates = Mixture::new(&config.mixture, &sizes, config.seed)?.rates();
    let counts = config.composition.parameter_count(config.prompt.length, t5.config().d_model);
    let rows: Vec<table::Row> = data
        .iter()
        .enumerate()
        .map(|(position, task)| table::Row {
            task: task.task().id().to_string(),
            metric: task.task().metrics()[0].name().to_owned(),
            majority: task.majority(judged(task)).primary(),
            before: before[position],
            after: after[position],
            parameters: counts.per_task(data.len()),
            seconds: seconds * rates[position],
        })
        .collect();
    table::print(&rows);
    let above = rows.iter().filter(|row| row.after > row.majority + 0.05).count();
    println!(
        "\nIn {seconds:.0} seconds, {} numbers learned {} tasks; the model's own weights are as they were.\n\
         {above} of {} tasks stand more than 5 points above the majority baseline.",
        counts.total(data.len()),
        data.len(),
        rows.len(),
    );
    Ok(())
}

/// Rows of the test split, where a task has one.
fn judged(task: &TaskData) -> Split {
    if task.rows(Split::Test).is_empty() { Split::Dev } else { Split::Test }
}

fn config(arguments: &Arguments, folder: &Path) -> Result<RunConfig, Box<dyn Error>> {
    let strategies = CompositionConfig::catalogue();
    let names = strategies.iter().map(CompositionConfig::name).collect::<Vec<_>>().join(", ");
    let composition = strategies.into_iter().find(|strategy| strategy.name() == arguments.strategy);
    let unknown = || format!("unknown strategy `{}`; known are {names}", arguments.strategy);
    Ok(RunConfig {
        model: folder.display().to_string(),
        seed: arguments.seed,
        prompt: PromptConfig { length: arguments.length, ..PromptConfig::default() },
        composition: composition.ok_or_else(unknown)?,
        training: TrainingConfig {
            steps: arguments.steps,
            batch_size: arguments.batch_size,
            learning_rate: arguments.learning_rate,
            // Rows of similar length are computed together, which saves padding.
            micro_batch_size: Some(16),
            max_input_length: 128,
            ..TrainingConfig::default()
        },
        mixture: MixtureConfig { rates: Rates::Uniform, ..MixtureConfig::default() },
        // The prompts of the last step are shown: no step is chosen by the rows that are judged.
        evaluation: EvaluationConfig { every: 0, ..EvaluationConfig::default() },
    })
}

/// A bar with the loss and the time that is left.
struct Bar {
    bar: ProgressBar,
    loss: Option<f64>,
}

impl Bar {
    fn new(steps: usize) -> Self {
        let bar = ProgressBar::new(steps as u64);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos}/{len} steps, {eta} to go, {msg}")
        {
            bar.set_style(style);
        }
        Self { bar, loss: None }
    }
}

impl Observer for Bar {
    fn step(&mut self, event: &StepEvent<'_>) -> mtpt::train::Result<()> {
        let before = self.loss.unwrap_or(event.loss);
        let loss = before + 0.1 * (event.loss - before);
        self.loss = Some(loss);
        self.bar.set_position(event.step as u64);
        self.bar.set_message(format!(
            "loss {loss:.3}, {:.0} rows/s",
            event.rows as f64 / event.seconds
        ));
        if self.bar.is_hidden() && event.step.is_multiple_of(50) {
            println!("step {}/{}, loss {loss:.3}", event.step, event.steps);
        }
        Ok(())
    }
}
