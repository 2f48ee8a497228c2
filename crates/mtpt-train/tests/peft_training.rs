//! Compares training with PEFT's, step by step on the same batches: see
//! `scripts/generate_peft_training_reference.py`.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_core::{Compose, Frozen, TaskIndex};
use mtpt_infer::{Prompts, TaskData};
use mtpt_t5::T5;
use mtpt_tasks::{
    Format, LabelsConfig, MixtureConfig, Task, TaskConfig, TaskId, Tokenize, TokenizeError,
    TokenizeFn,
};
use mtpt_train::{
    AdamWConfig, Decay, Observer, OptimizerConfig, PromptConfig, PromptTuningRun, RunConfig,
    StepEvent, TrainingConfig,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::small_world::t5;

/// Loss and norm of the gradient of each step.
#[derive(Default)]
struct Steps(Vec<(f64, f64)>);

impl Observer for Steps {
    fn step(&mut self, event: &StepEvent<'_>) -> mtpt_train::Result<()> {
        self.0.push((event.loss, event.gradient_norm));
        Ok(())
    }
}

/// Tokens are written as numbers, including the end-of-sequence token.
fn tokenizer() -> impl Tokenize {
    TokenizeFn(|text: &str| -> Result<Vec<u32>, TokenizeError> {
        text.split_whitespace().map(|id| id.parse().map_err(TokenizeError::new)).collect()
    })
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn text(ids: &Value) -> String {
    numbers(ids).iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
}

/// Creates a task from token ids. Each target is a label word.
fn task(folder: &TempDir, name: &str, rows: &[&Value]) -> Task {
    let path = folder.path().join(format!("{name}.jsonl"));
    let lines = rows.iter().map(|row| {
        let (input, target) = (text(&row["input"]), text(&row["target"]));
        format!("{}\n", json!({ "text": input, "label": target }))
    });
    fs::write(&path, lines.collect::<String>()).unwrap();
    let config = TaskConfig {
        train: Some(path),
        template: Some("{text}".into()),
        labels: Some(LabelsConfig::Verbatim),
        ..TaskConfig::new(TaskId::new(name).unwrap(), Format::JsonLines)
    };
    Task::new(&config).unwrap()
}

/// Returns the tasks of the reference. For a plain prompt, which PEFT applies to all examples,
/// returns one task with all examples in alternating order.
fn tasks(folder: &TempDir, reference: &Value, plain: bool) -> Vec<Task> {
    let of_tasks: Vec<Vec<&Value>> = reference["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rows| rows.as_array().unwrap().iter().collect())
        .collect();
    if !plain {
        let name = |task| format!("task{task}");
        return of_tasks.iter().enumerate().map(|(k, rows)| task(folder, &name(k), rows)).collect();
    }
    let count = reference["steps"].as_u64().unwrap() * reference["batch_size"].as_u64().unwrap();
    let in_turn = (0..count as usize).map(|position| {
        let rows = &of_tasks[position % of_tasks.len()];
        rows[position / of_tasks.len() % rows.len()]
    });
    vec![task(folder, "task0", &in_turn.collect::<Vec<_>>())]
}

fn config(reference: &Value, run: &Value, prompts: &Prompts) -> RunConfig {
    let number = |key: &str| run[key].as_f64().unwrap();
    RunConfig {
        prompt: PromptConfig {
            length: prompts.header().length,
            decoder_length: prompts.header().decoder_length,
            ..PromptConfig::default()
        },
        composition: prompts.header().composition.clone(),
        training: TrainingConfig {
            steps: reference["steps"].as_u64().unwrap() as usize,
            batch_size: reference["batch_size"].as_u64().unwrap() as usize,
            learning_rate: number("learning_rate"),
            warmup_steps: run["warmup_steps"].as_u64().unwrap() as usize,
            decay: serde_json::from_value::<Decay>(run["decay"].clone()).unwrap(),
            optimizer: AdamWConfig {
                weight_decay: number("weight_decay") as f32,
                clip_norm: Some(number("clip_norm")),
                ..AdamWConfig::default()
            }
            .into(),
            ..TrainingConfig::default()
        },
        mixture: MixtureConfig { shuffle: false, ..MixtureConfig::default() },
        ..RunConfig::new("v1_1")
    }
}

struct Reference {
    /// Folder of the adapters that runs start from.
    adapters: PathBuf,
    values: Value,
    t5: Frozen<T5>,
}

impl Reference {
    fn read(adapters: &str) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let text = fs::read_to_string(fixtures.join(format!("{adapters}_training.json"))).unwrap();
        let values = serde_json::from_str(&text).unwrap();
        let adapters = fixtures.join("../../../mtpt-infer/tests/fixtures").join(adapters);
        Self { adapters, values, t5: Frozen::new(t5(&Device::flex())) }
    }

    /// Trains an adapter as PEFT did, except for a change.
    fn train(&self, name: &str, change: impl FnOnce(&mut TrainingConfig)) -> (Prompts, Steps) {
        let folder = tempfile::tempdir().unwrap();
        let tasks = tasks(&folder, &self.values, name == "plain");
        let device = Device::flex().autodiff();
        let prompts = Prompts::read(&self.adapters.join(name), &device).unwrap();
        let mut config = config(&self.values, &self.values[name], &prompts);
        change(&mut config.training);
        let lengths = config.max_lengths();
        let data = TaskData::read(tasks, &tokenizer(), &self.t5, lengths).unwrap();
        let start = prompts.composition().clone();
        let mut steps = Steps::default();
        let trained = PromptTuningRun::new(&config, &data, &self.t5)
            .observer(&mut steps)
            .train(start)
            .unwrap();
        (trained.prompts, steps)
    }

    /// Returns the relative differences from PEFT's losses.
    fn apart(&self, name: &str, steps: &Steps) -> Vec<f64> {
        let of_peft = numbers(&self.values[name]["losses"]);
        assert_eq!((steps.0.len(), of_peft.len()), (20, 20));
        let pairs = steps.0.iter().zip(of_peft);
        pairs.map(|((loss, _), of_peft)| (loss - of_peft).abs() / of_peft).collect()
    }
}

/// Relative tolerance of a loss. The largest difference on one machine was 1e-4, as between PEFT's
/// own losses in 32 and 64 bits: the random T5 amplifies rounding from step to step.
const BOUND: f64 = 1e-3;

#[test]
fn steps_and_prompts_match_peft() {
    check_training("peft", &["multitask_rank_1", "multitask_rank_2", "plain"]);
}

#[test]
fn steps_with_default_adapters_match_peft() {
    check_training("peft_defaults", &["multitask", "plain"]);
}

/// Trains adapters as PEFT did and compares the losses and the final prompts.
#[track_caller]
fn check_training(adapters: &str, names: &[&str]) {
    let reference = Reference::read(adapters);
    for &name in names {
        let (prompts, steps) = reference.train(name, |_| {});
        for (step, apart) in reference.apart(name, &steps).into_iter().enumerate() {
            assert!(apart < BOUND, "{name}, step {step}: {apart}");
        }
        let run = &reference.values[name];
        for ((_, norm), of_peft) in steps.0.iter().zip(numbers(&run["gradient_norms"])) {
            // Rounding of gradients is amplified more than that of losses: up to 5e-3 was seen.
            assert!((norm - of_peft).abs() < 5e-2 * of_peft, "{name}: {norm} {of_peft}");
        }
        for (task, expected) in run["prompts"].as_array().unwrap().iter().enumerate() {
            let prompt = prompts.composition().compose(TaskIndex::new(task));
            let found = prompt.into_data().try_to_vec::<f32>().unwrap();
            let expected = numbers(expected);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.into_iter().map(f64::from).zip(expected) {
                // Prompt values are about 1, and each changes by up to 0.6.
                assert!((found - expected).abs() < BOUND, "{name}: {found} {expected}");
            }
        }
    }
}

fn adamw(training: &mut TrainingConfig) -> &mut AdamWConfig {
    let OptimizerConfig::AdamW(config) = &mut training.optimizer else { panic!("AdamW") };
    config
}

#[test]
fn every_part_of_the_step_affects_the_reference() {
    let reference = Reference::read("peft");
    let name = "multitask_rank_2";
    let changes: [fn(&mut TrainingConfig); 4] = [
        |training| adamw(training).weight_decay = 0.0,
        |training| adamw(training).clip_norm = None,
        |training| adamw(training).beta_2 = 0.99,
        |training| training.decay = Decay::Constant,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (_, steps) = reference.train(name, change);
        let most = reference.apart(name, &steps).into_iter().fold(0.0, f64::max);
        assert!(most > 2.0 * BOUND, "change {number}: {most}");
    }
}
