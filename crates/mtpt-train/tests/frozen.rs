use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use mtpt_compose::CompositionConfig;
use mtpt_core::{Compose, Frozen, TaskIndex};
use mtpt_infer::PromptFile;
use mtpt_infer::TaskData;
use mtpt_tasks::{Batch, MaxLengths, Split};
use mtpt_train::{
    FullFineTuning, Objective, OptimizerConfig, PromptTuning, PromptTuningRun, RunDir, Schedule,
    Trainer,
};

use crate::small_world::{SmallWorld, config, t5, tokenizer};

/// Returns the bits of all weights.
fn bits<M: Module>(module: &M) -> Vec<u32> {
    struct Bits(Vec<u32>);
    impl ModuleVisitor for Bits {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = param.val().inner().into_data();
            self.0.extend(data.iter::<f32>().map(f32::to_bits));
        }
    }
    let mut bits = Bits(Vec::new());
    module.visit(&mut bits);
    bits.0
}

#[test]
fn the_backbone_is_bit_identical_after_training_and_files_contain_only_prompts() {
    for composition in CompositionConfig::catalogue() {
        let world = SmallWorld::new();
        let before = bits(world.t5.get());
        assert!(before.len() > 10_000, "the visitor sees the weights");
        let config = config(composition);
        let start = world.composition(&config);
        let expected = start.num_params();
        let untrained = PromptFile::from_module(&start, String::new());
        let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
        PromptTuningRun::new(&config, &world.data, &world.t5).output(&folder).train(start).unwrap();
        assert!(before == bits(world.t5.get()), "the backbone has moved");
        let file = PromptFile::read(&folder.prompts()).unwrap();
        let numbers: usize = file.tensors().values().map(|tensor| tensor.num_elements()).sum();
        assert_eq!(numbers, expected, "nothing but the prompts");
        let of_start: Vec<_> = untrained.tensors().keys().collect();
        assert_eq!(file.tensors().keys().collect::<Vec<_>>(), of_start);
        assert!(file.tensors() != untrained.tensors(), "the prompts have not moved");
        // A checkpoint contains the prompts and their optimizer's state, a few kilobytes.
        let checkpoint = folder.checkpoints().join("step-00000008");
        let size: u64 = std::fs::read_dir(checkpoint)
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size < 40 * expected as u64 + 20_000, "{size} bytes for {expected} numbers");
    }
}

#[test]
fn gradients_do_not_depend_on_whether_the_backbone_is_frozen() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let composition = world.composition(&config);
    let rows = world.data.iter().flat_map(|data| &data.rows(Split::Train)[..3]);
    let batch = Batch::of_examples(rows).unwrap();
    let gradient = |loss: Tensor<1>| {
        let gradients = loss.sum().backward();
        let gradients = burn::optim::GradientsParams::from_grads(gradients, &composition);
        assert_eq!(gradients.len(), composition_parameters(&composition));
        struct Collect(burn::optim::GradientsParams, Vec<f32>);
        impl ModuleVisitor for Collect {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let gradient = self.0.get::<D>(param.id).unwrap().into_data();
                self.1.extend(gradient.iter::<f32>());
            }
        }
        let mut collect = Collect(gradients, Vec::new());
        composition.visit(&mut collect);
        collect.1
    };
    let frozen =
        gradient(PromptTuning::new(&world.t5).token_losses(&composition, &batch).unwrap().total());
    let tracked = t5(&Device::flex().autodiff());
    // Without dropout, only the weights' gradients differ.
    let tracked = tracked.freeze().set_require_grad(true);
    let visible =
        gradient(PromptTuning::new(&tracked).token_losses(&composition, &batch).unwrap().total());
    assert!(frozen.iter().any(|value| value.abs() > 1e-3));
    for (frozen, visible) in frozen.iter().zip(&visible) {
        // The order of sums differs: rounding of f32 through two encoder and two decoder layers,
        // forward and backward.
        assert!((frozen - visible).abs() <= 1e-4 * (1.0 + visible.abs()), "{frozen} {visible}");
    }
}

fn composition_parameters<M: Module>(module: &M) -> usize {
    burn::module::list_param_ids(module).len()
}

#[test]
fn a_trained_prompt_affects_only_its_own_task() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let trained =
        PromptTuningRun::new(&config, &world.data, &world.t5).train(world.composition(&config));
    let prompts = trained.unwrap().prompts;
    let [first, second] = [0, 1].map(|task| {
        let prompt = prompts.composition().compose(TaskIndex::new(task));
        prompt.into_data().try_to_vec::<f32>().unwrap()
    });
    assert_ne!(first, second, "two tasks have learned two prompts");
}

#[test]
fn the_same_trainer_fine_tunes_a_whole_model() {
    let world = SmallWorld::new();
    let model = t5(&Device::flex().autodiff());
    let lengths = MaxLengths { input: 64, target: 8 };
    let data = TaskData::read(world.tasks.clone(), &tokenizer(), &model, lengths).unwrap();
    let rows = data.iter().flat_map(|data| data.rows(Split::Train));
    let batch = Batch::of_examples(rows).unwrap();
    let schedule =
        Schedule { peak: 3e-3, warmup_steps: 0, steps: 30, decay: mtpt_train::Decay::Constant };
    let names = world.tasks.iter().map(|task| task.id().clone()).collect();
    let before = bits(&model);
    let mut trainer = Trainer::new(model, &OptimizerConfig::default(), schedule, names);
    let losses: Vec<f64> = (0..30)
        .map(|_| trainer.step(&FullFineTuning, std::slice::from_ref(&batch)).unwrap().loss)
        .collect();
    assert!(losses[29] < 0.5 * losses[0], "{losses:?}");
    assert!(before != bits(&Frozen::new(trainer.into_module()).into_inner()));
}
