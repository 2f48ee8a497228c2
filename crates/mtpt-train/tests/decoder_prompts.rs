//! Prompts of the decoder (`prompt.decoder_length`) in every composition: gradients, runs, initial
//! values, distillation and pipelines.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use mtpt_compose::{Composition, CompositionConfig, ConcatConfig, LowRankConfig, SeparateConfig};
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::{Prompted, Prompts};
use mtpt_io::npy::npy_bytes;
use mtpt_tasks::{Batch, Split, Task, TaskId, TokenizedExample};
use mtpt_train::{
    AdaptationConfig, Distillation, DistillationConfig, InitializerConfig, Objective, Pipeline,
    PromptTuning, PromptTuningRun, RunConfig, RunDir, Stage, StagedRunConfig, Teachers,
    TrainingConfig, initial_composition,
};

use crate::resume::{StopAt, metrics, run};
use crate::small_world::{SmallWorld, config, task, tokenizer};

/// Returns the configuration of a run with 4 vectors for the encoder and others for the decoder.
fn with_decoder(composition: CompositionConfig, decoder_length: usize) -> RunConfig {
    let mut config = config(composition);
    config.prompt.decoder_length = decoder_length;
    config
}

fn separate() -> CompositionConfig {
    CompositionConfig::Separate(SeparateConfig::default())
}

/// Computes gradients by autodiff through the whole model.
struct ByAutodiff<O>(O);

impl<C: Compose, O: Objective<C>> Objective<C> for ByAutodiff<O> {
    fn token_losses(
        &self,
        composition: &C,
        batch: &Batch,
    ) -> mtpt_train::Result<mtpt_train::TokenLosses> {
        self.0.token_losses(composition, batch)
    }
}

/// Returns the gradients of all parameters that have one.
fn gradients(module: &Composition, gradients: GradientsParams) -> Vec<Vec<f32>> {
    struct Collect(GradientsParams, Vec<Vec<f32>>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).map(|gradient| gradient.into_data());
            self.1.push(gradient.map(|data| data.iter::<f32>().collect()).unwrap_or_default());
        }
    }
    let mut collect = Collect(gradients, Vec::new());
    module.visit(&mut collect);
    collect.1
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        // f32 sums in a different order, through four layers.
        assert!((found - expected).abs() <= 5e-5 * largest, "{what}: {found} {expected}");
    }
}

fn mixed_batch(world: &SmallWorld) -> Batch {
    let rows = world.data.iter().flat_map(|data| &data.rows(Split::Train)[..5]);
    Batch::of_examples(rows.collect::<Vec<&TokenizedExample>>()).unwrap()
}

#[test]
fn gradients_of_every_composition_equal_autodiff() {
    let world = SmallWorld::new();
    let batch = mixed_batch(&world);
    let tokens = batch.target_tokens();
    for composition in CompositionConfig::catalogue() {
        let name = composition.name();
        let start = world.composition(&with_decoder(composition, 3));
        let objective = PromptTuning::new(&world.t5);
        let (losses, by_hand) = objective.differentiate(&start, &batch, tokens).unwrap();
        let (expected, by_autodiff) =
            ByAutodiff(&objective).differentiate(&start, &batch, tokens).unwrap();
        let values = |losses: Tensor<1>| -> Vec<f32> {
            losses.without_autodiff().into_data().iter::<f32>().collect()
        };
        assert_close(&values(losses.nll), &values(expected.nll), name);
        let [by_hand, by_autodiff] =
            [by_hand, by_autodiff].map(|found| gradients(&start, found.unwrap()));
        for (found, expected) in by_hand.iter().zip(&by_autodiff) {
            assert_close(found, expected, name);
        }
        assert!(by_hand.iter().any(|gradient| gradient.iter().any(|value| *value != 0.0)));
    }
}

/// Returns the composed vectors of a task, for the encoder and for the decoder.
fn vectors(composition: &Composition, task: usize) -> (Vec<f32>, Vec<f32>) {
    let prompt = composition.plain_prompt(TaskIndex::new(task)).unwrap();
    let [length, d_model] = prompt.dims();
    let decoder_length = composition.decoder_vectors().len();
    let values = |start: usize, count: usize| -> Vec<f32> {
        let values = prompt.clone().into_data().try_to_vec::<f32>().unwrap();
        values[start * d_model..][..count * d_model].to_vec()
    };
    let encoder_length = length - decoder_length;
    (values(0, encoder_length), values(encoder_length, decoder_length))
}

#[test]
fn both_parts_are_trained_and_restored_from_files() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let config = with_decoder(composition, 2);
        let name = config.composition.name();
        let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
        let start = world.composition(&config);
        let trained = PromptTuningRun::new(&config, &world.data, &world.t5)
            .output(&folder)
            .train(start.clone())
            .unwrap();
        let read = Prompts::read(&folder.prompts(), &Device::flex()).unwrap();
        assert_eq!(read.header(), trained.prompts.header());
        assert_eq!((read.header().length, read.header().decoder_length), (4, 2));
        for data in &world.data {
            let [scores, of_file] = [&trained.prompts, &read].map(|prompts| {
                let prompted = Prompted::new(world.t5.get(), prompts.composition()).unwrap();
                prompted.rank(data.rows(Split::Dev), data.candidates(), 5)
            });
            assert_eq!(scores, of_file, "{name}");
            let ignoring = Prompted::new(world.t5.get(), read.composition()).unwrap();
            let ignoring = ignoring.without_decoder_prompt();
            let ignoring = ignoring.rank(data.rows(Split::Dev), data.candidates(), 5);
            assert_ne!(ignoring, scores, "{name}: evaluation uses the decoder's vectors");
        }
        // The best step is stored, which may be the first one evaluated.
        if !read.composition().reads_inputs() {
            let (before, after) = (vectors(&start, 0), vectors(read.composition(), 0));
            assert_ne!(before.0, after.0, "{name}");
            assert_ne!(before.1, after.1, "{name}");
        }
    }
}

#[test]
fn an_interrupted_run_ends_like_an_uninterrupted_one() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let config = with_decoder(composition, 2);
        let name = config.composition.name();
        let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
        outcome.unwrap();
        run(&world, &config, "parts", false, &mut StopAt(4)).1.unwrap_err();
        let (parts, outcome) = run(&world, &config, "parts", true, &mut ());
        outcome.unwrap();
        assert!(fs::read(parts.prompts()).unwrap() == fs::read(whole.prompts()).unwrap(), "{name}");
        assert_eq!(metrics(&parts), metrics(&whole), "{name}");
    }
}

#[test]
fn a_run_does_not_resume_with_another_number_of_decoder_vectors() {
    let world = SmallWorld::new();
    let composition = CompositionConfig::default;
    run(&world, &with_decoder(composition(), 2), "run", false, &mut StopAt(4)).1.unwrap_err();
    for other in [0, 3] {
        let config = with_decoder(composition(), other);
        let failure = run(&world, &config, "run", true, &mut ()).1.unwrap_err().to_string();
        assert!(failure.contains("`prompt.decoder_length` was 2"), "{failure}");
    }
}

#[test]
fn a_composition_must_have_the_configured_decoder_vectors() {
    let world = SmallWorld::new();
    let start = world.composition(&with_decoder(CompositionConfig::default(), 2));
    let config = with_decoder(CompositionConfig::default(), 3);
    let failure = PromptTuningRun::new(&config, &world.data, &world.t5).train(start).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "`prompt.decoder_length` is 3, but the composition has 2 vectors for the decoder: change \
         the option, or implement `Compose::decoder_vectors`"
    );
    let config = with_decoder(CompositionConfig::default(), 10_001);
    let failure = config.check().unwrap_err().to_string();
    assert_eq!(failure, "`prompt.decoder_length` must be between 0 and 10000, found 10001");
}

fn initialized(world: &SmallWorld, config: &RunConfig) -> Result<Composition, String> {
    let device = Device::flex();
    initial_composition(config, &world.tasks, &world.t5, &tokenizer(), &device)
        .map_err(|error| error.to_string())
}

fn with_initializer(initializer: InitializerConfig, decoder_length: usize) -> RunConfig {
    let mut config = with_decoder(CompositionConfig::default(), decoder_length);
    config.prompt.initializer = initializer;
    config
}

#[test]
fn initializers_start_over_for_the_decoder() {
    let world = SmallWorld::new();
    let text = || InitializerConfig::Text { text: "sunny rain today".into() };
    let (encoder, decoder) =
        vectors(&initialized(&world, &with_initializer(text(), 5)).unwrap(), 0);
    assert_eq!(encoder, decoder[..encoder.len()], "both begin with the text");
    assert_eq!(decoder[..32], decoder[48..], "the text is repeated");
    let labels = InitializerConfig::ClassLabels { population: None };
    let (encoder, decoder) =
        vectors(&initialized(&world, &with_initializer(labels, 4)).unwrap(), 0);
    assert_eq!(encoder[..16], decoder[..16], "both begin with the first label");
    for random in [InitializerConfig::default(), InitializerConfig::RandomUniform { range: 0.5 }] {
        let start = initialized(&world, &with_initializer(random.clone(), 4)).unwrap();
        let (encoder, decoder) = vectors(&start, 0);
        assert_ne!(encoder, decoder, "{random:?}: different tokens");
        // The encoder's vectors are those of a run without any for the decoder.
        let (without, none) =
            vectors(&initialized(&world, &with_initializer(random, 0)).unwrap(), 0);
        assert_eq!(encoder, without);
        assert!(none.is_empty());
    }
}

#[test]
fn appended_vectors_of_concat_are_for_the_encoder() {
    let world = SmallWorld::new();
    let concat = CompositionConfig::Concat(ConcatConfig { task_length: 3 });
    let start = initialized(&world, &with_decoder(concat.clone(), 2)).unwrap();
    assert_eq!((start.prompt_length(), start.decoder_vectors()), (9, 4..6));
    let (encoder, decoder) = vectors(&start, 1);
    assert_eq!((encoder.len(), decoder.len()), (7 * 16, 2 * 16));
    let without = initialized(&world, &with_decoder(concat, 0)).unwrap();
    assert_eq!(encoder, vectors(&without, 1).0, "shared and appended vectors");
    let plain = start.to_separate(&[TaskIndex::new(0), TaskIndex::new(1)]).unwrap();
    assert_eq!((plain.prompt_length(), plain.decoder_vectors()), (9, 7..9));
    assert_eq!(vectors(&plain, 1), (encoder, decoder));
    for data in &world.data {
        let rank = |composition: &Composition| {
            let prompted = Prompted::new(world.t5.get(), composition).unwrap();
            prompted.rank(data.rows(Split::Dev), data.candidates(), 5)
        };
        assert_eq!(rank(&start), rank(&plain));
    }
}

#[test]
fn files_and_trained_prompts_initialize_all_vectors() {
    let world = SmallWorld::new();
    let path = world.folder.path().join("start.npy");
    let values: Vec<f32> = (0..6 * 16).map(|value| value as f32 / 7.0).collect();
    fs::write(&path, npy_bytes(&TensorData::new(values.clone(), [6, 16]))).unwrap();
    let file = InitializerConfig::File { path, tensor: None };
    let start = initialized(&world, &with_initializer(file.clone(), 2)).unwrap();
    assert_eq!([vectors(&start, 0).0, vectors(&start, 0).1].concat(), values);
    let failure = initialized(&world, &with_initializer(file, 3)).unwrap_err();
    assert_eq!(failure, "the initial prompt has 6 vectors of width 16, expected 7 of width 16");

    let path = world.folder.path().join("prompts.safetensors");
    let trained = trained(&world, &with_decoder(separate(), 2), "trained");
    trained.write(&path).unwrap();
    let prompts = |path: &Path| InitializerConfig::Prompts {
        path: path.to_owned(),
        task: Some("wet".into()),
    };
    let start = initialized(&world, &with_initializer(prompts(&path), 2)).unwrap();
    assert_eq!(vectors(&start, 0), vectors(trained.composition(), 1));
    // As many vectors in total, but others for the decoder.
    let mut config = with_initializer(prompts(&path), 3);
    config.prompt.length = 3;
    let failure = initialized(&world, &config).unwrap_err();
    let expected = format!(
        "`{}`: expected a prompt with `decoder_length` 3, found 2; set `prompt.decoder_length = 2`",
        path.display()
    );
    assert_eq!(failure, expected);
}

fn trained(world: &SmallWorld, config: &RunConfig, name: &str) -> Prompts {
    let folder = RunDir::create(&world.folder.path().join(name)).unwrap();
    let start = world.composition(config);
    let run = PromptTuningRun::new(config, &world.data, &world.t5).output(&folder);
    run.train(start).unwrap().prompts
}

#[test]
fn a_run_starts_from_prompts_with_the_same_decoder_length() {
    let world = SmallWorld::new();
    let low_rank = || CompositionConfig::LowRank(LowRankConfig::default());
    let known = trained(&world, &with_decoder(low_rank(), 2), "known");
    let path = world.folder.path().join("known/prompts.safetensors");
    let mut config = with_decoder(low_rank(), 2);
    config.prompt.start_from = Some(path.clone());
    let start = initialized(&world, &config).unwrap();
    assert_eq!(vectors(&start, 1), vectors(known.composition(), 1));
    config.prompt.decoder_length = 0;
    let failure = initialized(&world, &config).unwrap_err();
    let expected = format!(
        "cannot start from `{}`: expected prompts with `decoder_length` 0, found 2; set \
         `prompt.decoder_length = 2`",
        path.display()
    );
    assert_eq!(failure, expected);
}

fn names(world: &SmallWorld) -> Vec<&TaskId> {
    world.tasks.iter().map(Task::id).collect()
}

#[test]
fn teachers_and_students_may_differ_in_decoder_vectors() {
    let world = SmallWorld::new();
    let batch = mixed_batch(&world);
    let tokens = batch.target_tokens();
    let setting = DistillationConfig::default();
    for (of_teacher, of_student) in [(2, 0), (0, 3), (2, 3)] {
        let teacher = trained(&world, &with_decoder(separate(), of_teacher), "teacher");
        let teachers = Teachers::new(&[teacher], names(&world)).unwrap();
        assert_eq!(teachers.composition().decoder_vectors().len(), of_teacher);
        let own = Distillation::new(&world.t5, &teachers, &setting);
        for (_, term) in own.token_losses(teachers.composition(), &batch).unwrap().auxiliary {
            let term: Vec<f32> = term.into_data().iter::<f32>().collect();
            // The same values, computed twice.
            assert!(term.iter().all(|value| value.abs() < 1e-6), "{term:?}");
        }
        let student = world.composition(&with_decoder(CompositionConfig::default(), of_student));
        let (_, by_hand) = own.differentiate(&student, &batch, tokens).unwrap();
        let (_, by_autodiff) = ByAutodiff(&own).differentiate(&student, &batch, tokens).unwrap();
        let [by_hand, by_autodiff] =
            [by_hand, by_autodiff].map(|found| gradients(&student, found.unwrap()));
        for (found, expected) in by_hand.iter().zip(&by_autodiff) {
            assert_close(found, expected, "gradient of distillation");
        }
        // Cached states are those of the teachers with their prompts of the decoder.
        let always =
            DistillationConfig { keep_states: mtpt_train::KeepStates::Always, ..setting.clone() };
        let cached =
            Distillation::new(&world.t5, &teachers, &always).with_cache(&world.data, 0, 5).unwrap();
        let losses = |objective: &Distillation<'_, _>| -> Vec<f32> {
            let batch = Batch::of_examples(&world.data[0].rows(Split::Train)[..4]).unwrap();
            let losses = objective.token_losses(&student.valid(), &batch).unwrap().total();
            losses.into_data().iter::<f32>().collect()
        };
        assert_close(&losses(&cached), &losses(&own), "cached states");
    }
}

#[test]
fn teachers_of_one_run_have_the_same_vectors() {
    let world = SmallWorld::new();
    let plain = trained(&world, &with_decoder(separate(), 0), "plain");
    // As many vectors in total.
    let mut config = with_decoder(separate(), 1);
    config.prompt.length = 3;
    let with_decoder = trained(&world, &config, "with decoder");
    let one = |prompts: &Prompts, task: usize| prompts.one_task(TaskIndex::new(task)).unwrap();
    let failure =
        Teachers::new(&[one(&plain, 0), one(&with_decoder, 1)], names(&world)).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "teachers must have prompts of the same shape: that of `mood` has [4, 16], that of `wet` \
         [3 + 1 for the decoder, 16]"
    );
}

#[test]
fn every_stage_of_a_pipeline_has_decoder_vectors() {
    let world = SmallWorld::new();
    let folder = world.folder.path();
    fs::create_dir_all(folder.join("new")).unwrap();
    let mut tasks = world.tasks.clone();
    tasks.push(task(folder, "new/joy", ["happy", "sad today"], 16));
    tasks.push(task(folder, "new/rain", ["dry", "soaked"], 14));
    for composition in
        [CompositionConfig::default(), CompositionConfig::Concat(ConcatConfig { task_length: 3 })]
    {
        let name = composition.name();
        let run = with_decoder(composition, 2);
        let training = TrainingConfig { steps: 3, ..run.training.clone() };
        let targets = ["new/joy", "new/rain"].map(|name| TaskId::new(name).unwrap()).to_vec();
        let adaptation = AdaptationConfig {
            training,
            nearest: Some(mtpt_train::NearestConfig { steps: 2 }),
            ..AdaptationConfig::to(targets, &run)
        };
        let staged = StagedRunConfig {
            run,
            teachers: None,
            distillation: Some(DistillationConfig::default()),
            adaptation: Some(adaptation),
        };
        let output = folder.join(name);
        let tokenizer = tokenizer();
        let pipeline = Pipeline::new(&staged, &tasks, &world.t5, &tokenizer).unwrap();
        let report = pipeline.run(&output, &Stage::ALL).unwrap();
        let read = |path: PathBuf| Prompts::read(&path, &Device::flex()).unwrap();
        for place in ["teachers/mood", "source", "targets/new/joy"] {
            let prompts = read(output.join(place).join("prompts.safetensors"));
            assert_eq!(prompts.header().decoder_length, 2, "{name}: {place}");
        }
        // The final file contains the composed prompts of both targets.
        let merged = read(report.prompts.unwrap());
        for (position, task) in ["new/joy", "new/rain"].into_iter().enumerate() {
            let alone = read(output.join("targets").join(task).join("prompts.safetensors"));
            let expected = vectors(alone.composition(), 0);
            assert_eq!(vectors(merged.composition(), position), expected, "{name}: {task}");
        }
    }
}
