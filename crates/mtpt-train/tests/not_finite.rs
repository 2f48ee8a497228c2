//! Losses and gradients that are infinite or NaN.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::module::{Module, Param};
use burn::tensor::{Bool, Device, Int, Tensor};
use mtpt_compose::{CompositionConfig, CustomConfig};
use mtpt_core::{Backbone, Compose, Encoded, TaskIndex};
use mtpt_infer::TaskData;
use mtpt_t5::T5;
use mtpt_tasks::{Split, Task, TaskConfig, Tokenize};
use mtpt_train::{
    AdamWConfig, Error, NotFinite, Observer, PretrainingData, PretrainingRun, PromptTuningRun,
    RunDir, StepEvent,
};

use crate::resume::metrics;
use crate::small_world::{SmallWorld, config, t5, tokenizer};

/// Number of steps done, for components that break at some step.
#[derive(Clone, Debug, Default)]
struct Clock(Arc<AtomicUsize>);

impl Clock {
    fn steps_done(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Observer for Clock {
    fn step(&mut self, event: &StepEvent<'_>) -> mtpt_train::Result<()> {
        self.0.store(event.step, Ordering::SeqCst);
        Ok(())
    }
}

/// A model with a NaN embedding of one token after three steps.
#[derive(Module, Debug)]
struct Broken {
    t5: T5,
    #[module(skip)]
    token: u32,
    #[module(skip)]
    clock: Clock,
}

/// Number of steps before it breaks.
const GOOD: usize = 3;

impl Backbone for Broken {
    fn d_model(&self) -> usize {
        self.t5.d_model()
    }

    fn vocab_size(&self) -> usize {
        self.t5.vocab_size()
    }

    fn decoder_start_token_id(&self) -> u32 {
        self.t5.decoder_start_token_id()
    }

    fn pad_token_id(&self) -> u32 {
        self.t5.pad_token_id()
    }

    fn eos_token_id(&self) -> u32 {
        self.t5.eos_token_id()
    }

    fn device(&self) -> Device {
        self.t5.device()
    }

    fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        let embedded = self.t5.embed(ids.clone());
        if self.clock.steps_done() < GOOD {
            return embedded;
        }
        let broken = ids.equal_elem(i64::from(self.token)).unsqueeze_dim::<3>(2);
        let [rows, length, width] = embedded.dims();
        embedded.mask_fill(broken.expand([rows, length, width]), f32::NAN)
    }

    fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        self.t5.encode(embeddings, mask)
    }

    fn decode(&self, decoder_input_ids: Tensor<2, Int>, encoded: Encoded) -> Tensor<3> {
        self.t5.decode(decoder_input_ids, encoded)
    }

    fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        self.t5.logits(hidden)
    }
}

/// A shared prompt with finite values whose gradient for one task is NaN after three steps.
#[derive(Module, Debug)]
struct Steep {
    prompt: Param<Tensor<2>>,
    #[module(skip)]
    clock: Clock,
}

impl Compose for Steep {
    fn prompt_length(&self) -> usize {
        self.prompt.dims()[0]
    }

    fn d_model(&self) -> usize {
        self.prompt.dims()[1]
    }

    fn task_count(&self) -> usize {
        2
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        let prompt = self.prompt.val();
        if task.position() == 0 || self.clock.steps_done() < GOOD {
            return prompt;
        }
        // The square root is 0 at 0, with an infinite derivative.
        prompt.clone() + prompt.mul_scalar(0.0).sqrt()
    }
}

/// Returns the token of a word.
fn token(word: &str) -> u32 {
    tokenizer().tokenize(word).unwrap()[0]
}

fn problem(error: Error) -> NotFinite {
    match error {
        Error::NotFinite(problem) => *problem,
        other => panic!("{other}"),
    }
}

#[test]
fn a_loss_is_reported_with_its_examples_and_the_state_is_saved() {
    for stream in [false, true] {
        let mut world = SmallWorld::new();
        let mut config = config(CompositionConfig::default());
        config.training.checkpoint_every = 0;
        config.training.micro_batch_size = Some(5);
        let on_disk =
            |task: &Task| Task::new(&TaskConfig { stream, ..task.config().clone() }).unwrap();
        let tasks = world.tasks.iter().map(on_disk).collect();
        world.data = TaskData::read(tasks, &tokenizer(), &world.t5, config.max_lengths()).unwrap();
        // The word `7` is in the eighth row of both tasks, and every row is used once in three
        // steps.
        let clock = Clock::default();
        let model = Broken { t5: t5(&Device::flex()), token: token("7"), clock: clock.clone() };
        let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
        let start = world.composition(&config);
        let mut observer = clock;
        let outcome = PromptTuningRun::new(&config, &world.data, &model)
            .output(&folder)
            .observer(&mut observer)
            .train(start);
        let error = outcome.map(|_| ()).unwrap_err();
        let message = error.to_string();
        let problem = problem(error);
        assert!(problem.value.is_nan() && problem.parameter.is_none());
        assert!(problem.step > GOOD && !problem.examples.is_empty());
        for row in &problem.examples {
            assert_eq!(row.index, 7, "{message}");
            let path = world.folder.path().join(format!("{}.train.jsonl", row.task));
            assert_eq!(row.location.as_ref().unwrap().to_string(), format!("{}:8", path.display()));
            assert!(
                message.contains(&format!("{}:8 (task `{}`)", path.display(), row.task)),
                "{message}"
            );
        }
        let steps_done = problem.step - 1;
        assert!(message.starts_with(&format!("step {}: the loss is NaN, from ", problem.step)));
        assert!(message.ends_with("or start a new run with a lower `training.learning_rate`"));
        let place = problem.checkpoint.unwrap();
        assert_eq!(place, folder.checkpoints().join(format!("step-{steps_done:08}")));
        assert!(message.contains(&format!("was saved to `{}`, but resuming", place.display())));
        assert!(folder.prompts().is_file(), "evaluations are every two steps");
        let steps = metrics(&folder).iter().filter(|line| line.get("loss").is_some()).count();
        assert_eq!(steps, steps_done);
        // The run can be resumed with a working model.
        let start = world.composition(&config);
        PromptTuningRun::new(&config, &world.data, &world.t5)
            .output(&folder)
            .resume(true)
            .train(start)
            .unwrap();
        let steps = metrics(&folder).iter().filter(|line| line.get("loss").is_some()).count();
        assert_eq!(steps, config.training.steps);
    }
}

#[test]
fn examples_of_changed_files_are_reported_by_index() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let clock = Clock::default();
    let model = Broken { t5: t5(&Device::flex()), token: token("7"), clock: clock.clone() };
    for task in &world.tasks {
        fs::remove_file(task.file(Split::Train).unwrap()).unwrap();
    }
    let start = world.composition(&config);
    let mut observer = clock;
    let outcome =
        PromptTuningRun::new(&config, &world.data, &model).observer(&mut observer).train(start);
    let message = outcome.map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("row 7 of `"), "{message}");
    assert!(!message.contains("is kept in"), "{message}");
}

#[test]
fn a_gradient_is_reported_with_its_parameter_and_examples() {
    for (clip_norm, micro_batch_size) in [(Some(1.0), None), (None, Some(4))] {
        let world = SmallWorld::new();
        let own = CustomConfig { name: "steep".into() };
        let mut config = config(CompositionConfig::Custom(own));
        config.training.optimizer = AdamWConfig { clip_norm, ..AdamWConfig::default() }.into();
        config.training.micro_batch_size = micro_batch_size;
        config.training.checkpoint_every = 2;
        let clock = Clock::default();
        let prompt = Tensor::ones([4, 16], &Device::flex().autodiff());
        let start = Steep { prompt: Param::from_tensor(prompt), clock: clock.clone() };
        let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
        let mut observer = clock;
        let t5 = &world.t5;
        let outcome = PromptTuningRun::new(&config, &world.data, t5)
            .output(&folder)
            .observer(&mut observer)
            .train(start);
        let error = outcome.map(|_| ()).unwrap_err();
        let message = error.to_string();
        let problem = problem(error);
        assert_eq!(problem.step, GOOD + 1);
        assert_eq!(problem.parameter.as_deref(), Some("prompt"));
        assert!(message.starts_with("step 4: the gradient of `prompt` is NaN, from "), "{message}");
        assert!(
            !problem.examples.is_empty() && problem.examples.len() < config.training.batch_size
        );
        assert!(
            problem.examples.iter().all(|row| row.task.as_str() == "wet" && row.location.is_some())
        );
        assert!(folder.checkpoints().join("step-00000003").is_dir());
        assert!(folder.checkpoints().join("step-00000002").is_dir());
    }
}

#[test]
fn a_pretraining_run_saves_the_state_before_the_step() {
    let world = SmallWorld::new();
    let clock = Clock::default();
    let mut config = mtpt_train::PretrainingConfig::new("small");
    config.training.steps = 8;
    config.training.batch_size = 12;
    config.training.checkpoint_every = 0;
    config.evaluation.every = 0;
    let lengths = config.training.max_lengths();
    let device = Device::flex().autodiff();
    let model = Broken { t5: t5(&device), token: token("7"), clock: clock.clone() };
    let tasks = world.tasks.clone();
    let data =
        PretrainingData::reader(&model, &tokenizer(), lengths).read(tasks, Vec::new()).unwrap();
    let folder = RunDir::create(&world.folder.path().join("run")).unwrap();
    let mut observer = clock;
    let outcome =
        PretrainingRun::new(&config, &data).output(&folder).observer(&mut observer).train(model);
    let problem = problem(outcome.map(|_| ()).unwrap_err());
    assert!(problem.examples.iter().all(|row| row.index == 7 && row.location.is_some()));
    let steps_done = problem.step - 1;
    let place = folder.checkpoints().join(format!("step-{steps_done:08}"));
    assert_eq!(problem.checkpoint, Some(place.clone()));
    assert!(place.join("last.safetensors").is_file());
}
