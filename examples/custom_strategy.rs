//! A custom strategy in twenty lines: trained, written, read and evaluated like a built-in one.
//!
//! ```text
//! cargo run --release --example custom_strategy
//! ```

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use mtpt::burn::{self, module::Param};
use mtpt::compose::{CompositionConfig, CustomConfig};
use mtpt::core::Initializer;
use mtpt::infer::{Prompted, Prompts, TaskData};
use mtpt::prelude::*;
use mtpt::tasks::Split;
use mtpt::train::{PromptTuningRun, RunConfig, RunDir, TrainingConfig};
use mtpt_examples::Result;
use mtpt_examples::made_tasks::{self, Sizes};
use mtpt_examples::model::Model;
use mtpt_examples::terminal::finish;

/// `P + 1 t_kᵀ`: one vector per task, added to every vector of the shared prompt.
#[derive(Module, Debug)]
struct Shift {
    shared: Param<Tensor<2>>,
    tasks: Vec<Param<Tensor<1>>>,
}

impl Compose for Shift {
    fn prompt_length(&self) -> usize {
        self.shared.dims()[0]
    }

    fn d_model(&self) -> usize {
        self.shared.dims()[1]
    }

    fn task_count(&self) -> usize {
        self.tasks.len()
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        self.shared.val() + self.tasks[task.position()].val().unsqueeze()
    }
}

impl Shift {
    /// Creates a composition whose prompts all equal the shared prompt.
    fn new(shared: Tensor<2>, tasks: usize, device: &Device) -> Self {
        let shared = Tensor::<2>::from_data(shared.into_data(), device);
        let none = || Param::from_tensor(Tensor::zeros([shared.dims()[1]], device));
        let tasks = (0..tasks).map(|_| none()).collect();
        Self { shared: Param::from_tensor(shared), tasks }
    }
}

/// Trains, writes, reads and evaluates a custom strategy.
#[derive(Parser)]
struct Arguments {
    /// Folder of a T5 in Hugging Face format [default: the one in this repository]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Training steps
    #[arg(long, default_value_t = 100, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    steps: usize,
    /// Generated test rows per group
    #[arg(long, default_value_t = Sizes::default().test, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    test_rows: usize,
    /// `auto`, `flex`, or a GPU whose feature is built in
    #[arg(long, default_value = "auto")]
    device: String,
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let device = mtpt::device(&arguments.device)?;
    let model = Model::load(arguments.model.as_deref(), &device)?;
    let (t5, tokenizer) = (&model.t5, &model.tokenizer);
    let folder = tempfile::tempdir()?;
    let tasks = made_tasks::tasks(folder.path(), Sizes::with_test(arguments.test_rows), 0)?;
    let config = RunConfig {
        // Files only store its name.
        composition: CompositionConfig::Custom(CustomConfig { name: "shift".into() }),
        training: TrainingConfig {
            steps: arguments.steps,
            batch_size: 48,
            micro_batch_size: Some(16),
            learning_rate: 0.1,
            ..TrainingConfig::default()
        },
        ..RunConfig::new(model.folder.display().to_string())
    };
    let data = TaskData::read(tasks, tokenizer, t5, config.max_lengths())?;
    let shared = Initializer::SampledVocabulary { population: None };
    let shared = shared.init(config.prompt.length, t5, config.seed)?;
    let start = Shift::new(shared, data.len(), &device.clone().autodiff());
    writeln!(output, "{} trainable parameters for {} tasks", start.num_params(), data.len())?;
    output.flush()?;

    let before = start.valid();
    let run = RunDir::create(&folder.path().join("run"))?;
    PromptTuningRun::new(&config, &data, t5).output(&run).train(start)?;
    let learned = Prompts::read_as(&run.prompts(), |header| {
        let zeros = Tensor::zeros([header.length, header.d_model], &device);
        Ok(Shift::new(zeros, header.tasks.len(), &device))
    })?;

    writeln!(output, "{:18}  {:>8}  {:>6}  {:>5}", "accuracy", "majority", "before", "after")?;
    for task in &data {
        let judge = |composition: &Shift| -> Result<f64> {
            let prompted = Prompted::new(t5, composition)?;
            Ok(100.0 * prompted.evaluate(task, Split::Test, 64)?.primary())
        };
        writeln!(
            output,
            "{:18}  {:8.1}  {:6.1}  {:5.1}",
            task.task().id().as_str(),
            100.0 * task.majority(Split::Test)?.primary(),
            judge(&before)?,
            judge(learned.composition())?,
        )?;
    }
    Ok(())
}
