//! Compares distillation with transformers (see `scripts/generate_distillation_reference.py`), and
//! checks invariants.

use std::fs;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use mtpt_compose::{Composition, CompositionConfig, SeparateConfig};
use mtpt_core::Compose;
use mtpt_infer::{PromptHeader, PromptTask, Prompts};
use mtpt_tasks::{Batch, BatchRow, Split, TaskId, TokenizedExample};
use mtpt_train::{
    Distillation, DistillationConfig, KeepStates, Objective, PromptTuning, PromptTuningRun, RunDir,
    Stack, Teachers, TrainingConfig,
};
use serde_json::Value;

use crate::small_world::{SmallWorld, config, t5};

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as u32).collect()
}

fn names() -> Vec<TaskId> {
    ["first", "second"].into_iter().map(|name| TaskId::new(name).unwrap()).collect()
}

/// Creates plain prompts of two tasks from values.
fn plain(values: &Value, device: &Device) -> Composition {
    let prompt = |values: &Value| {
        let values = numbers(values);
        let length = values.len() / 16;
        Tensor::from_data(TensorData::new(values, [length, 16]), device)
    };
    Composition::plain(values.as_array().unwrap().iter().map(prompt).collect()).unwrap()
}

fn teachers(composition: Composition) -> Teachers {
    let tasks = names().into_iter().map(PromptTask::named).collect();
    let separate = CompositionConfig::Separate(SeparateConfig::default());
    let header = PromptHeader::new(separate, composition.prompt_length(), 16, tasks);
    Teachers::new(&[Prompts::new(composition, header)], &names()).unwrap()
}

/// Returns the gradients of all parameters in the order of the tasks.
fn numbers_of(module: &Composition, gradients: GradientsParams) -> Vec<Vec<f32>> {
    struct Collect(GradientsParams, Vec<Vec<f32>>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).unwrap();
            self.1.push(gradient.into_data().iter::<f32>().collect());
        }
    }
    let mut collect = Collect(gradients, Vec::new());
    module.visit(&mut collect);
    collect.1
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        // 32-bit floats through four layers here, 64-bit floats in the reference.
        assert!((found - expected).abs() <= 2e-5 * largest, "{what}: {found} {expected}");
    }
}

#[test]
fn losses_and_gradients_match_transformers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/distillation.json");
    let reference: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let device = Device::flex();
    let t5 = t5(&device);
    let rows: Vec<TokenizedExample> = reference["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| TokenizedExample {
            task: row["task"].as_u64().unwrap() as usize,
            input_ids: ids(&row["input"]),
            target_ids: ids(&row["target"]),
            label: None,
            gold: None,
        })
        .collect();
    let batch = Batch::of_examples(&rows).unwrap();
    let teachers = teachers(plain(&reference["teachers"], &device));
    let cases = reference["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let setting: DistillationConfig = serde_json::from_value(case["setting"].clone()).unwrap();
        let student = plain(&reference["students"], &device.clone().autodiff());
        let objective = Distillation::new(&t5, &teachers, &setting);
        let tokens = batch.target_tokens();
        let recorded = objective.token_losses(&student, &batch).unwrap();
        let loss = recorded.total().sum().div_scalar(tokens as f64);
        let of_recorded = GradientsParams::from_grads(loss.backward(), &student);
        // The hand-written backward pass, in parts, since the lengths of the examples differ.
        let (by_hand, of_by_hand) = objective.differentiate(&student, &batch, tokens).unwrap();
        for (losses, gradients) in
            [(recorded, of_recorded), (by_hand, of_by_hand.expect("students learn"))]
        {
            let values = |tensor: &Tensor<1>| -> Vec<f32> {
                tensor.clone().inner().into_data().iter::<f32>().collect()
            };
            assert_close(&values(&losses.nll), &numbers(&case["likelihood"]), "likelihood");
            let expected = case["added"].as_object().unwrap();
            assert_eq!(losses.auxiliary.len(), expected.len(), "{setting:?}");
            for (name, term) in &losses.auxiliary {
                assert_close(&values(term), &numbers(&expected[*name]), name);
            }
            let found = numbers_of(&student, gradients);
            for (found, expected) in found.iter().zip(case["gradients"].as_array().unwrap()) {
                assert_close(found, &numbers(expected), "gradient");
            }
        }
    }
}

/// Creates teachers of the small world's tasks: prompts after a few training steps.
fn trained_teachers(world: &SmallWorld) -> Teachers {
    let separate = config(CompositionConfig::Separate(SeparateConfig::default()));
    let composition = world.composition(&separate);
    let objective = PromptTuning::new(&world.t5);
    let trained = PromptTuningRun::new(&separate, &world.data, &world.t5)
        .objective(&objective)
        .train(composition);
    Teachers::new(&[trained.unwrap().prompts], world.tasks.iter().map(mtpt_tasks::Task::id))
        .unwrap()
}

#[test]
fn a_student_equal_to_its_teacher_has_no_distillation_loss() {
    let world = SmallWorld::new();
    let teachers = trained_teachers(&world);
    let batch = Batch::of_examples(world.data[0].rows(Split::Train));
    let setting = DistillationConfig::default();
    let objective = Distillation::new(&world.t5, &teachers, &setting);
    let losses = objective.token_losses(teachers.composition(), &batch.unwrap()).unwrap();
    assert_eq!(
        losses.auxiliary.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["logits", "hidden"]
    );
    for (name, term) in losses.auxiliary {
        let term: Vec<f32> = term.into_data().iter::<f32>().collect();
        // The same values, computed twice.
        assert!(term.iter().all(|value| value.abs() < 1e-6), "{name}: {term:?}");
    }
}

#[test]
fn cached_states_equal_computed_states() {
    let world = SmallWorld::new();
    let teachers = trained_teachers(&world);
    for states in [vec![Stack::Decoder], vec![Stack::Encoder, Stack::Decoder]] {
        let setting = DistillationConfig {
            keep_states: KeepStates::Always,
            states,
            ..DistillationConfig::default()
        };
        let student = world.composition(&config(CompositionConfig::default())).valid();
        let read = Distillation::new(&world.t5, &teachers, &setting);
        // In batches of five, unlike the batches below.
        let kept = Distillation::new(&world.t5, &teachers, &setting)
            .with_cache(&world.data, 0, 5)
            .unwrap();
        assert!(kept.is_cached() && !read.is_cached());
        let examples = world.data[1].rows(Split::Train);
        let rows = [9, 3, 17, 4];
        let rows = rows.map(|index| BatchRow { example: examples[index].clone(), index });
        let batch = Batch::new(rows.to_vec()).unwrap();
        let [read, kept] = [&read, &kept].map(|objective| {
            let losses = objective.token_losses(&student, &batch).unwrap();
            losses.total().into_data().iter::<f32>().collect::<Vec<f32>>()
        });
        assert_close(&kept, &read, "kept");
    }
}

#[test]
fn states_are_cached_if_that_is_cheaper() {
    let world = SmallWorld::new();
    let teachers = trained_teachers(&world);
    let keeps = |keep_states: KeepStates, rows: usize| {
        let setting = DistillationConfig { keep_states, ..DistillationConfig::default() };
        let objective = Distillation::new(&world.t5, &teachers, &setting);
        objective.with_cache(&world.data, rows, 8).unwrap().is_cached()
    };
    // The two tasks have 32 training examples.
    assert!(!keeps(KeepStates::Auto, 32));
    assert!(keeps(KeepStates::Auto, 33));
    assert!(keeps(KeepStates::Always, 1));
    assert!(!keeps(KeepStates::Never, 1_000));
}

#[test]
fn distillation_of_every_composition_resumes_bit_for_bit() {
    let world = SmallWorld::new();
    let teachers = trained_teachers(&world);
    let setting = DistillationConfig::default();
    for composition in CompositionConfig::catalogue() {
        let name = composition.name();
        let whole = config(composition);
        let learn = |steps: usize, folder: &str, resume: bool| {
            let training = TrainingConfig { steps, ..whole.training.clone() };
            let run = mtpt_train::RunConfig { training, ..whole.clone() };
            let objective = Distillation::new(&world.t5, &teachers, &setting)
                .with_cache(&world.data, steps * 12, 5)
                .unwrap();
            let folder = RunDir::create(&world.folder.path().join(folder)).unwrap();
            let start = world.composition(&run);
            PromptTuningRun::new(&run, &world.data, &world.t5)
                .objective(&objective)
                .output(&folder)
                .resume(resume)
                .train(start)
        };
        let once = learn(8, &format!("{name}-once"), false).unwrap();
        let again = learn(8, &format!("{name}-again"), false).unwrap();
        let folder = world.folder.path().join(format!("{name}-again"));
        // As after an interruption after the sixth step.
        fs::remove_dir_all(folder.join("checkpoints/step-00000008")).unwrap();
        let resumed = learn(8, &format!("{name}-again"), true).unwrap();
        for other in [again, resumed] {
            assert_eq!((once.step, once.score), (other.step, other.score), "{name}");
        }
        let [first, second] = ["once", "again"].map(|run| {
            let folder = world.folder.path().join(format!("{name}-{run}"));
            let last = folder.join("checkpoints/step-00000008/last.safetensors");
            let log = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
            let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let step = lines.find(|line| line.get("loss").is_some()).unwrap();
            for term in ["logits", "hidden"] {
                assert!(step["added"][term].as_f64().unwrap() > 0.0, "{name}: {step}");
            }
            fs::read(last).unwrap()
        });
        assert_eq!(first, second, "{name}");
    }
}

#[test]
fn a_run_does_not_resume_with_other_teachers() {
    let world = SmallWorld::new();
    let (run, t5) = (config(CompositionConfig::default()), &world.t5);
    let learn = |teachers: &Teachers, weight: f64, resume: bool| {
        let setting = DistillationConfig { weight, ..DistillationConfig::default() };
        let objective = Distillation::new(t5, teachers, &setting);
        let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
        let start = world.composition(&run);
        PromptTuningRun::new(&run, &world.data, t5)
            .objective(&objective)
            .output(&folder)
            .resume(resume)
            .train(start)
    };
    let teachers = trained_teachers(&world);
    learn(&teachers, 0.9, false).unwrap();
    let problem = learn(&teachers, 0.8, true).unwrap_err().to_string();
    assert!(
        problem.contains("`objective.distillation.weight` was 0.9, and is now 0.8"),
        "{problem}"
    );
    let others = teachers.composition().clone();
    let others = Composition::plain(
        [1, 0].map(|task| others.compose(mtpt_core::TaskIndex::new(task))).into(),
    );
    let header = PromptHeader::new(
        CompositionConfig::Separate(SeparateConfig::default()),
        4,
        16,
        world.tasks.iter().map(PromptTask::new).collect(),
    );
    let names = world.tasks.iter().map(mtpt_tasks::Task::id);
    let others = Teachers::new(&[Prompts::new(others.unwrap(), header)], names).unwrap();
    let problem = learn(&others, 0.9, true).unwrap_err().to_string();
    assert!(problem.contains("`objective.teachers` was"), "{problem}");
}

#[test]
fn a_task_without_a_teacher_is_named() {
    let world = SmallWorld::new();
    let known = trained_teachers(&world);
    let header = PromptHeader::new(
        CompositionConfig::Separate(SeparateConfig::default()),
        4,
        16,
        world.tasks.iter().map(PromptTask::new).collect(),
    );
    let prompts = [Prompts::new(known.composition().clone(), header)];
    let asked = ["mood", "wett"].map(|name| TaskId::new(name).unwrap());
    let problem = Teachers::new(&prompts, &asked).unwrap_err().to_string();
    assert_eq!(
        problem,
        "no teacher for task `wett`; there are teachers for `mood`, `wet`; did you mean `wet`?"
    );
}
