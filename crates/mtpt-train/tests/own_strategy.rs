use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use mtpt_compose::{CompositionConfig, CustomConfig};
use mtpt_core::{Compose, TaskIndex};
use mtpt_infer::Prompts;
use mtpt_train::{PromptTuningRun, RunDir, TrainingConfig};

use crate::small_world::{SmallWorld, config};

/// One prompt shared by all tasks.
#[derive(Module, Debug)]
struct Same {
    prompt: Param<Tensor<2>>,
    #[module(skip)]
    tasks: usize,
}

impl Compose for Same {
    fn prompt_length(&self) -> usize {
        self.prompt.dims()[0]
    }

    fn d_model(&self) -> usize {
        self.prompt.dims()[1]
    }

    fn task_count(&self) -> usize {
        self.tasks
    }

    fn compose(&self, _: TaskIndex) -> Tensor<2> {
        self.prompt.val()
    }
}

fn same(length: usize, d_model: usize, tasks: usize, device: &Device) -> Same {
    Same { prompt: Param::from_tensor(Tensor::zeros([length, d_model], device)), tasks }
}

#[test]
fn a_custom_strategy_is_trained_saved_resumed_and_read() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::Custom(CustomConfig { name: "same".into() }));
    let device = Device::flex().autodiff();
    let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
    let learn = |resume| {
        let start = same(4, 16, 2, &device);
        PromptTuningRun::new(&config, &world.data, &world.t5)
            .output(&folder)
            .resume(resume)
            .train(start)
            .unwrap()
    };
    let trained = learn(false);
    let values = |prompts: &Prompts<Same>| {
        prompts.composition().compose(TaskIndex::new(1)).inner().into_data()
    };
    assert!(values(&trained.prompts).iter::<f32>().any(|value| value != 0.0));
    assert_eq!(values(&learn(true).prompts), values(&trained.prompts));
    let read = Prompts::read_as(&folder.prompts(), |header| {
        assert_eq!(header.composition, config.composition);
        Ok(same(header.length, header.d_model, header.tasks.len(), &device))
    })
    .unwrap();
    assert_eq!(values(&read), values(&trained.prompts));

    let refused = Prompts::read(&folder.prompts(), &Device::flex()).unwrap_err();
    assert!(matches!(refused, mtpt_infer::Error::Composition(_)));
    let expected = "`same` is a custom strategy, which only the program that defines it can create";
    assert_eq!(refused.to_string(), expected);
}

/// An option and a function that sets it.
type Setting = (&'static str, fn(&mut TrainingConfig));

#[test]
fn task_options_require_task_specific_parameters() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::Custom(CustomConfig { name: "same".into() }));
    let options: [Setting; 3] = [
        ("task_learning_rate", |training| training.task_learning_rate = Some(0.1)),
        ("task_weight_decay", |training| training.task_weight_decay = Some(0.1)),
        ("task_clip_norm", |training| training.task_clip_norm = Some(0.1)),
    ];
    for (option, set) in options {
        let mut config = config.clone();
        set(&mut config.training);
        let start = same(4, 16, 2, &Device::flex().autodiff());
        let refused =
            PromptTuningRun::new(&config, &world.data, &world.t5).train(start).unwrap_err();
        let expected = format!(
            "`training.{option}`: the composition has no task-specific parameters: remove the \
             option, or implement `Compose::task_parameters`"
        );
        assert_eq!(refused.to_string(), expected);
    }
}
