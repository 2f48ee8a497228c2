use std::num::Saturating;
use std::ops::Range;

use burn::module::{Module, Param, ParamId, list_param_ids};
use burn::tensor::{Device, Tensor};
use mtpt_core::{Compose, TaskIndex};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::init::{InitContext, PartInit, detached_on};
use crate::mixture_weights::NodeWeights;
use crate::parameter_count::ParameterCount;
use crate::part_id::PartId;
use crate::strategies::attention::Pool;
use crate::strategy::{Size, zero_parameter};
use crate::task_part::{LevelStrategy, TaskPart};
use crate::tree::Tree;

/// A shared prompt and one part per task.
#[derive(Module, Debug)]
pub struct Flat {
    /// `P`, `[prompt_length, width]`; `None` if the strategy doesn't use it.
    shared: Option<Param<Tensor<2>>>,
    pool: Option<Pool>,
    tasks: Vec<TaskPart>,
    #[module(skip)]
    prompt_length: usize,
    #[module(skip)]
    d_model: usize,
    /// Vectors of a prompt that are prepended to the decoder's input.
    #[module(skip)]
    pub(crate) decoder_vectors: Range<usize>,
}

impl Flat {
    pub(crate) fn init(strategy: &dyn LevelStrategy, context: &InitContext<'_>) -> Result<Self> {
        let (length, d_model) = (context.length(), context.d_model());
        strategy.check(length, d_model)?;
        let target = context.shared.clone();
        let parent = strategy.init_shared(target.clone());
        let mut rng = ChaCha8Rng::seed_from_u64(context.seed);
        let part = PartId::Node(0);
        let mut init =
            PartInit { part, parent, target, components_above: 0, rng: &mut rng, context };
        let mut tasks = Vec::new();
        for task in context.tree.tasks() {
            init.part = PartId::Task(task);
            tasks.push(strategy.init_part(&mut init)?);
        }
        let pool = strategy.init_pool(&mut init)?;
        let shared = init.parent.take();
        let shared = shared.map(|shared| Param::from_tensor(detached_on(&context.device, shared)));
        let prompt_length = length + strategy.added_length();
        Ok(Self { shared, pool, tasks, prompt_length, d_model, decoder_vectors: 0..0 })
    }

    /// Creates a composition with all parameters zero, for a shared prompt `[length, d_model]`.
    pub(crate) fn zeros(
        strategy: &dyn LevelStrategy,
        [length, d_model]: [usize; 2],
        tree: &Tree,
        device: &Device,
    ) -> Result<Self> {
        strategy.check(length, d_model)?;
        let dims = [length, d_model];
        Ok(Self {
            shared: zero_shared(strategy, dims, device),
            pool: strategy.zero_pool(dims, device),
            tasks: tree.tasks().map(|_| strategy.zero_part(dims, device)).collect(),
            prompt_length: length + strategy.added_length(),
            d_model,
            decoder_vectors: 0..0,
        })
    }

    /// Creates a `separate` composition from at least one prompt, all of the same shape.
    pub(crate) fn separate(prompts: Vec<Tensor<2>>) -> Self {
        let [prompt_length, d_model] = prompts[0].dims();
        let tasks = prompts
            .into_iter()
            .map(|prompt| TaskPart::Separate(Param::from_tensor(prompt)))
            .collect();
        let decoder_vectors = 0..0;
        Self { shared: None, pool: None, tasks, prompt_length, d_model, decoder_vectors }
    }

    pub(crate) fn parameter_count(
        strategy: &dyn LevelStrategy,
        prompt_length: Size,
        d_model: Size,
        tree: &Tree,
    ) -> ParameterCount {
        let shared = prompt_length * Saturating(strategy.parent_width(d_model.0));
        let parts = strategy.part_size(prompt_length, d_model) * Saturating(tree.task_count());
        ParameterCount {
            shared: (shared + strategy.pool_size(prompt_length, d_model)).0,
            task_specific: parts.0,
            task_count: tree.task_count(),
        }
    }

    /// Freezes the shared parameters (level 0) or the parts of the tasks (level 1).
    pub(crate) fn frozen(mut self, level: usize) -> Self {
        if level == 0 {
            self.shared = self.shared.map(Module::no_grad);
            self.pool = self.pool.map(Module::no_grad);
        } else {
            self.tasks = self.tasks.no_grad();
        }
        self
    }

    /// Returns the mixture weights of the tasks.
    pub(crate) fn mixture_weights(&self) -> Vec<NodeWeights> {
        let weights = self.tasks.iter().zip(1..).filter_map(|(part, node)| {
            let shared = self.shared.as_ref().map(Param::val);
            let weights = part.mixture_weights(shared, self.pool.as_ref())?;
            Some(NodeWeights { node, weights })
        });
        weights.collect()
    }
}

/// Returns the shared prompt with all values zero, if the strategy uses it.
pub(crate) fn zero_shared(
    strategy: &dyn LevelStrategy,
    [length, d_model]: [usize; 2],
    device: &Device,
) -> Option<Param<Tensor<2>>> {
    let width = strategy.parent_width(d_model);
    (width > 0).then(|| zero_parameter([length, width], device))
}

impl Compose for Flat {
    fn prompt_length(&self) -> usize {
        self.prompt_length
    }

    fn decoder_vectors(&self) -> Range<usize> {
        self.decoder_vectors.clone()
    }

    fn d_model(&self) -> usize {
        self.d_model
    }

    fn task_count(&self) -> usize {
        self.tasks.len()
    }

    fn task_parameters(&self) -> Vec<ParamId> {
        list_param_ids(&self.tasks)
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        let shared = self.shared.as_ref().map(Param::val);
        self.tasks[task.position()].forward(shared, self.pool.as_ref())
    }
}
