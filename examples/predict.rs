//! Trained prompts in your own program: loads a model and a prompt file and classifies lines of
//! text.
//!
//! ```text
//! cargo run --release --example predict
//! cargo run --release --example multitask -- --save prompts.safetensors
//! echo "The bed was too short." |
//!     cargo run --release --example predict -- --prompts prompts.safetensors \
//!     --task reviews/sentiment
//! ```
//!
//! Without a prompt file, it trains a small task for some seconds and classifies built-in
//! sentences.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mtpt::compose::{CompositionConfig, SeparateConfig};
use mtpt::core::Backbone;
use mtpt::infer::{Predictor, Prompts, TaskData};
use mtpt::tasks::{Split, Task};
use mtpt::train::{
    EvaluationConfig, PromptTuningRun, RunConfig, TrainingConfig, initial_composition,
};
use mtpt_examples::Result;
use mtpt_examples::made_tasks::{self, Sizes};
use mtpt_examples::model::Model;
use mtpt_examples::terminal::finish;

/// Task that is trained if there is no prompt file.
const SMALL_TASK: &str = "support/topic";
/// Lines that are classified if standard input has none.
const LINES: [&str; 4] = [
    "How much was taken from my card in May?",
    "The plane leaves at nine, where do I sit?",
    "It says that my password is too short.",
    "My tooth hurts, can I come in today?",
];
/// Lines per forward pass.
const BATCH: usize = 64;

/// Classifies lines of standard input: prints the label, its probability and the line.
#[derive(Parser)]
struct Arguments {
    /// Folder of a T5 in Hugging Face format [default: the one in this repository]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Prompt file of `mtpt train` or of the example `multitask` with `--save` [default: train a
    /// small task first]
    #[arg(long)]
    prompts: Option<PathBuf>,
    /// Task of the lines [default: the first one in the prompt file]
    #[arg(long)]
    task: Option<String>,
    /// `auto`, `flex`, or a GPU whose feature is built in
    #[arg(long, default_value = "auto")]
    device: String,
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let device = mtpt::device(&arguments.device)?;
    let prompts = match &arguments.prompts {
        Some(path) => Some(Prompts::read(path, &device)?),
        None => None,
    };
    let model = Model::load(arguments.model.as_deref(), &device)?;
    let prompts = match prompts {
        Some(prompts) => prompts,
        None => learn(&model)?,
    };
    let first = prompts.tasks().first().map_or("", |task| task.name.as_str());
    let task = arguments.task.as_deref().unwrap_or(first);
    prompts.find(task)?;
    let predictor = Predictor::new(model.t5.get(), &prompts, &model.tokenizer)?;

    let mut output = std::io::stdout().lock();
    let mut answer = |lines: &[&str]| -> Result<()> {
        for (line, answer) in lines.iter().zip(predictor.predict(task, lines)?) {
            let probability = answer.probability().unwrap_or(1.0);
            writeln!(output, "{}\t{probability:.2}\t{line}", answer.as_str())?;
        }
        Ok(output.flush()?)
    };
    let input = std::io::stdin().lock();
    if input.is_terminal() {
        eprintln!("classifying built-in sentences; for yours: echo \"...\" | predict");
        return answer(&LINES);
    }
    let mut waiting: Vec<String> = Vec::new();
    let mut lines = input.lines().peekable();
    while let Some(line) = lines.next() {
        waiting.push(line?);
        if waiting.len() == BATCH || lines.peek().is_none() {
            answer(&waiting.iter().map(String::as_str).collect::<Vec<_>>())?;
            waiting.clear();
        }
    }
    Ok(())
}

/// Trains a prompt for one generated task.
fn learn(model: &Model) -> Result<Prompts> {
    eprintln!("no `--prompts`: training `{SMALL_TASK}` first");
    let folder = tempfile::tempdir()?;
    let mut tasks = made_tasks::tasks(folder.path(), Sizes::default(), 0)?;
    tasks.retain(|task: &Task| task.id().as_str() == SMALL_TASK);
    let config = RunConfig {
        composition: CompositionConfig::Separate(SeparateConfig::default()),
        training: TrainingConfig { steps: 60, batch_size: 16, ..TrainingConfig::default() },
        evaluation: EvaluationConfig { every: 20, ..EvaluationConfig::default() },
        ..RunConfig::new(model.folder.display().to_string())
    };
    let (t5, tokenizer) = (&model.t5, &model.tokenizer);
    let device = t5.device().autodiff();
    let start = initial_composition(&config, &tasks, t5, tokenizer, &device)?;
    let data = TaskData::read(tasks, tokenizer, t5, config.max_lengths())?;
    let trained = PromptTuningRun::new(&config, &data, t5).train(start)?;
    if let Some(score) = trained.score {
        eprintln!("{:.0} % correct on {} test rows", 100.0 * score, data[0].rows(Split::Dev).len());
    }
    Ok(trained.prompts)
}
