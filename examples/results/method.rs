//! The methods that are compared.

use std::fs;
use std::path::{Path, PathBuf};

use mtpt::burn::module::Module;
use mtpt::compose::{Composition, CompositionConfig, LowRankConfig, SeparateConfig};
use mtpt::core::{Backbone, Compose};
use mtpt::infer::{Prompted, Prompts, TaskData};
use mtpt::t5::T5;
use mtpt::tasks::{Batch, PartitionLimits, Split, Task, TaskId, partition_by_length};
use mtpt::train::{
    Distillation, DistillationConfig, EvaluationEvent, FullFineTuning, InitializerConfig,
    Objective, Observer, PromptTuning, PromptTuningRun, RunConfig, Teachers, Trained, Trainer,
    initial_composition,
};
use mtpt_examples::Result;
use mtpt_examples::spread::mean;
use serde_json::{Value, json};

use crate::peft::{self, Start};
use crate::protocol::{JUDGED_AT_A_TIME, MICRO_BATCH, Setting, first, or_none};

/// A way to learn the tasks.
#[derive(Clone, Debug)]
pub struct Method {
    /// Name in the table and on the command line.
    pub name: String,
    /// What the table says of it.
    pub about: String,
    pub kind: Kind,
}

/// What kind of way it is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Prompts, composed by one of the library's strategies.
    Prompts(CompositionConfig),
    /// Two stages: joint training, with or without teachers; then adaptation of the same tasks from
    /// the result.
    Stages { distilled: bool, decomposed: bool },
    /// All weights of the model, without prompts.
    FullFineTuning,
    /// PEFT's multitask prompt tuning, run by PEFT.
    Peft(Start),
}

/// What came of learning, before the test rows were looked at.
#[derive(Clone, Debug)]
pub struct Learned {
    /// The step that was best on the rows to choose by.
    pub step: usize,
    /// The metric of each task on these, as a fraction.
    pub dev: Vec<f64>,
    /// How many numbers were trained.
    pub trained: usize,
    /// Anything else that the table tells.
    pub notes: Value,
}

/// All methods, plain prompts first.
pub fn all() -> Vec<Method> {
    let mut strategies = CompositionConfig::catalogue();
    // Plain prompts come first.
    strategies.rotate_right(1);
    let mut methods: Vec<Method> = strategies
        .into_iter()
        .map(|composition| {
            let name = composition.name().to_owned();
            let about = match &composition {
                CompositionConfig::Separate(_) => "plain prompts, one per task",
                CompositionConfig::LowRank(_) => "MPT's decomposition, rank 1",
                CompositionConfig::Concat(_) => "half of the prompt shared, half task-specific",
                CompositionConfig::InstanceAttention(_) => "as in ATTEMPT",
                CompositionConfig::Hierarchy(_) => "one prompt for all, rank 1 per group and task",
                _ => "",
            };
            Method { name, about: about.to_owned(), kind: Kind::Prompts(composition) }
        })
        .collect();
    let stages = [
        (
            "mpt",
            true,
            true,
            "the full MPT method: plain prompts as teachers, rank-1 prompts distilled from them, adaptation of the group",
        ),
        ("mpt_without_distillation", false, true, "the same without teachers"),
        (
            "mpt_without_decomposition",
            true,
            false,
            "the same with one prompt for all tasks, from which a plain prompt per task is adapted",
        ),
    ];
    let stages = stages.map(|(name, distilled, decomposed, about)| Method {
        name: name.into(),
        about: about.into(),
        kind: Kind::Stages { distilled, decomposed },
    });
    // After plain prompts, their teachers.
    methods.splice(1..1, stages);
    methods.extend([Start::Random, Start::Text].map(|start| Method {
        name: format!("peft_mpt_{}", start.name().to_lowercase()),
        about: format!(
            "PEFT's multitask prompt tuning, rank 1, initialized with `{}`",
            start.name()
        ),
        kind: Kind::Peft(start),
    }));
    methods.push(Method {
        name: "full_fine_tuning".into(),
        about: "all weights, no prompt".into(),
        kind: Kind::FullFineTuning,
    });
    methods
}

impl Method {
    /// Returns what determines its result besides the setting, the learning rate and the seed.
    pub fn identity(&self) -> Value {
        match &self.kind {
            Kind::Prompts(composition) => json!({ "prompts": composition }),
            Kind::Stages { distilled, decomposed } => {
                json!({ "stages": SOURCE_SHARE, "distilled": distilled, "decomposed": decomposed })
            }
            Kind::FullFineTuning => json!("full_fine_tuning"),
            Kind::Peft(start) => json!({ "peft": start.name(), "text": start.text() }),
        }
    }

    /// Whether it needs Python.
    pub fn needs_python(&self) -> bool {
        matches!(self.kind, Kind::Peft(_))
    }

    /// Returns the method whose prompts are the teachers.
    pub fn teacher(&self) -> Option<&'static str> {
        matches!(self.kind, Kind::Stages { distilled: true, .. }).then_some("separate")
    }

    /// Returns whether it is one of the library's strategies that share, trained like plain
    /// prompts.
    pub fn is_composition(&self) -> bool {
        matches!(&self.kind, Kind::Prompts(composition) if composition.name() != "separate")
    }

    /// Returns the learning rates to try.
    pub fn rates<'a>(&self, setting: &'a Setting) -> &'a [f64] {
        match self.kind {
            Kind::FullFineTuning => &setting.protocol.model_rates,
            _ => &setting.protocol.rates,
        }
    }

    /// Trains and stores the result with the best dev metrics in a folder; teachers are in a
    /// separate folder.
    pub fn learn(&self, setting: &Setting, attempt: &Attempt<'_>) -> Result<Learned> {
        let Attempt { rate, seed, folder, .. } = *attempt;
        fs::create_dir_all(folder)?;
        match &self.kind {
            Kind::Prompts(composition) => prompts(setting, composition, rate, seed, folder),
            Kind::Stages { decomposed, .. } => stages(setting, *decomposed, attempt),
            Kind::FullFineTuning => full_fine_tuning(setting, rate, seed, folder),
            Kind::Peft(start) => peft::learn(setting, *start, rate, seed, folder),
        }
    }

    /// Evaluates the result of [`learn`](Self::learn): the metric of each task on a split, as a
    /// fraction.
    pub fn judge(&self, setting: &Setting, split: Split, folder: &Path) -> Result<Vec<f64>> {
        match &self.kind {
            Kind::Prompts(_) | Kind::Stages { .. } => {
                let device = setting.model.t5.device();
                let prompts = Prompts::read(&prompt_file(folder), &device)?;
                let prompted = Prompted::new(setting.model.t5.get(), prompts.composition())?;
                judged(prompted, &setting.data, split)
            }
            Kind::FullFineTuning => {
                let model = T5::load(folder, &setting.model.t5.get().device())?;
                judged(Prompted::plain(&model), &setting.data, split)
            }
            Kind::Peft(_) => peft::judge(setting, split, folder),
        }
    }
}

/// One run of a method.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// Learning rate.
    pub rate: f64,
    /// Seed of the run.
    pub seed: u64,
    /// Folder of the result.
    pub folder: &'a Path,
    /// Folder of the teachers, for methods that distill.
    pub teachers: Option<&'a Path>,
}

fn prompt_file(folder: &Path) -> PathBuf {
    folder.join("prompts.safetensors")
}

/// Metric of each task.
pub fn judged<B: Backbone, C: Compose>(
    prompted: Prompted<'_, B, C>,
    data: &[TaskData],
    split: Split,
) -> Result<Vec<f64>> {
    let evaluate = |task| prompted.evaluate(task, split, JUDGED_AT_A_TIME);
    data.iter().map(|task| Ok(first(&evaluate(task)?))).collect()
}

fn prompts(
    setting: &Setting,
    composition: &CompositionConfig,
    rate: f64,
    seed: u64,
    folder: &Path,
) -> Result<Learned> {
    let mut config = RunConfig {
        composition: composition.clone(),
        ..setting.protocol.config(&setting.model, rate, seed)
    };
    if let CompositionConfig::Concat(concat) = &mut config.composition {
        // Both parts together are as long as the other strategies' prompts.
        let own = (setting.protocol.length / 2).max(1);
        concat.task_length = own;
        config.prompt.length = (setting.protocol.length - own).max(1);
    }
    let objective = PromptTuning::new(&setting.model.t5);
    let (trained, learned) = run(setting, &config, &objective)?;
    trained.prompts.write(&prompt_file(folder))?;
    Ok(learned)
}

/// Dev results, step by step.
#[derive(Default)]
struct Measured(Vec<(usize, f64)>);

impl Observer for Measured {
    fn evaluation(&mut self, event: &EvaluationEvent<'_>) -> mtpt::train::Result<()> {
        // Each task has one metric.
        self.0.push((event.step, or_none(event.value)));
        Ok(())
    }
}

/// Runs a configuration and returns the best prompts and their results.
fn run(
    setting: &Setting,
    config: &RunConfig,
    objective: &impl Objective<Composition>,
) -> Result<(Trained, Learned)> {
    let t5 = &setting.model.t5;
    let tasks: Vec<Task> = setting.data.iter().map(|data| data.task().clone()).collect();
    let tokenizer = &setting.model.tokenizer;
    let start = initial_composition(config, &tasks, t5, tokenizer, &t5.device().autodiff())?;
    let counted = start.trainable_parameters();
    let mut measured = Measured::default();
    let trained = PromptTuningRun::new(config, &setting.data, t5)
        .objective(objective)
        .observer(&mut measured)
        .train(start)?;
    let step = trained.step;
    let dev = measured.0.iter().filter(|(at, _)| *at == step).map(|(_, value)| *value).collect();
    Ok((trained, Learned { step, dev, trained: counted, notes: json!({}) }))
}

/// Fraction of the steps of the first stage, joint training.
const SOURCE_SHARE: f64 = 0.75;

fn stages(setting: &Setting, decomposed: bool, attempt: &Attempt<'_>) -> Result<Learned> {
    let Attempt { rate, seed, folder, teachers } = *attempt;
    let t5 = &setting.model.t5;
    let base = setting.protocol.config(&setting.model, rate, seed);
    let low_rank = CompositionConfig::LowRank(LowRankConfig::default());
    let first = ((setting.protocol.steps as f64 * SOURCE_SHARE) as usize).max(1);
    let second = (setting.protocol.steps - first).max(1);

    let mut source = RunConfig { composition: low_rank, ..base.clone() };
    source.training.steps = first;
    // The second stage starts from the last step; nothing is selected.
    source.evaluation.every = 0;
    if !decomposed {
        // Rank-1 parts are initialized to ones: if they stay there, every task has the shared
        // prompt.
        source.prompt.frozen_levels = vec![1];
    }
    let (trained, _) = match teachers {
        Some(teachers) => {
            let names = setting.data.iter().map(|data| data.task().id());
            let teachers = Teachers::read(&prompt_file(teachers), names, &t5.device())?;
            let config = DistillationConfig::default();
            run(setting, &source, &Distillation::new(t5, &teachers, &config))?
        }
        None => run(setting, &source, &PromptTuning::new(t5))?,
    };
    let path = folder.join("source.safetensors");
    trained.prompts.write(&path)?;

    // Different examples from those of the first stage.
    let mut target = RunConfig { seed: seed + 1_000_000, ..base };
    target.training.steps = second;
    target.evaluation.every = second.div_ceil(2);
    if decomposed {
        target.composition = source.composition;
        target.prompt.start_from = Some(path);
    } else {
        target.composition = CompositionConfig::Separate(SeparateConfig::default());
        let tensor = Some("shared".to_owned());
        target.prompt.initializer = InitializerConfig::File { path, tensor };
    }
    let (trained, learned) = run(setting, &target, &PromptTuning::new(t5))?;
    trained.prompts.write(&prompt_file(folder))?;
    Ok(Learned { step: first + learned.step, ..learned })
}

fn full_fine_tuning(setting: &Setting, rate: f64, seed: u64, folder: &Path) -> Result<Learned> {
    let training = setting.protocol.config(&setting.model, rate, seed).training;
    let device = setting.model.t5.device().autodiff();
    // Dropout is inactive for all methods.
    let model = T5::load(&setting.model.folder, &device)?.freeze().set_require_grad(true);
    let trained = model.num_params();
    let names: Vec<TaskId> = setting.data.iter().map(|data| data.task().id().clone()).collect();
    let mut trainer = Trainer::new(model, &training.optimizer, training.schedule(), names);
    let mixture = setting.mixture(seed)?;
    let evaluations = setting.protocol.evaluations();
    let mut best: Option<(f64, Learned)> = None;
    while trainer.steps_done() < training.steps {
        let rows = setting.rows(&mixture, trainer.steps_done());
        let lengths: Vec<usize> = rows.iter().map(|row| row.input_ids.len()).collect();
        let limits = PartitionLimits { max_rows: MICRO_BATCH, ..PartitionLimits::default() };
        let batches = partition_by_length(&lengths, limits)
            .into_iter()
            .map(|part| Batch::of_examples(part.into_iter().map(|row| rows[row])))
            .collect::<Result<Vec<_>, _>>()?;
        trainer.step(&FullFineTuning, &batches)?;
        let step = trainer.steps_done();
        if evaluations.contains(&step) {
            let model = trainer.module().valid();
            let dev = judged(Prompted::plain(&model), &setting.data, Split::Dev)?;
            let score = mean(&dev);
            if best.as_ref().is_none_or(|(best, _)| score > *best) {
                model.save(folder)?;
                best = Some((score, Learned { step, dev, trained, notes: json!({}) }));
            }
        }
    }
    let (_, learned) = best.ok_or("no step was evaluated")?;
    Ok(learned)
}
