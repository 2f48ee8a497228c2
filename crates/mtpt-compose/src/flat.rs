use burn::module::{Module, Param, ParamId, list_param_ids};
use burn::tensor::Tensor;
use mtpt_core::{Compose, TaskIndex};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::attention::Pool;
use crate::fold::{Fold, Own, Place};
use crate::start::on;
use crate::{NodeWeights, ParameterCount, Part, Result, Start, Tree};

/// A shared prompt, and a part for each task.
#[derive(Module, Debug)]
pub struct Flat {
    /// `P`, `[prompt_length, width]`; none where nothing of it is read.
    shared: Option<Param<Tensor<2>>>,
    pool: Option<Pool>,
    tasks: Vec<Own>,
    #[module(skip)]
    prompt_length: usize,
    #[module(skip)]
    d_model: usize,
}

impl Flat {
    pub(crate) fn init(strategy: &dyn Fold, start: &Start<'_>) -> Result<Self> {
        let (length, d_model) = (start.length(), start.d_model());
        strategy.check(length, d_model)?;
        let target = start.shared.clone();
        let above = strategy.shared(target.clone());
        let mut rng = ChaCha8Rng::seed_from_u64(start.seed);
        let part = Part::Node(0);
        let mut place = Place { part, above, target, components_above: 0, rng: &mut rng, start };
        let mut tasks = Vec::new();
        for task in start.tree.tasks() {
            place.part = Part::Task(task);
            tasks.push(strategy.own(&mut place)?);
        }
        let pool = strategy.pool(&mut place)?;
        let shared = place.above.take().map(|above| Param::from_tensor(on(&start.device, above)));
        let prompt_length = length + strategy.added_length();
        Ok(Self { shared, pool, tasks, prompt_length, d_model })
    }

    /// Plain prompts, at least one, all of one shape.
    pub(crate) fn separate(prompts: Vec<Tensor<2>>) -> Self {
        let [prompt_length, d_model] = prompts[0].dims();
        let tasks = prompts.into_iter().map(|prompt| Own::Separate(Param::from_tensor(prompt)));
        Self { shared: None, pool: None, tasks: tasks.collect(), prompt_length, d_model }
    }

    pub(crate) fn parameter_count(
        strategy: &dyn Fold,
        prompt_length: usize,
        d_model: usize,
        tree: &Tree,
    ) -> ParameterCount {
        let shared = prompt_length * strategy.width_above(d_model);
        ParameterCount {
            shared: shared + strategy.pool_numbers(prompt_length, d_model),
            own: strategy.own_numbers(prompt_length, d_model) * tree.task_count(),
            task_count: tree.task_count(),
        }
    }

    /// Leaves out of training what all tasks share (level 0), or what each owns (level 1).
    pub(crate) fn frozen(mut self, level: usize) -> Self {
        if level == 0 {
            self.shared = self.shared.map(Module::no_grad);
            self.pool = self.pool.map(Module::no_grad);
        } else {
            self.tasks = self.tasks.no_grad();
        }
        self
    }

    /// By what the prompts of the tasks are mixed.
    pub(crate) fn mixture_weights(&self) -> Vec<NodeWeights> {
        let weights = self.tasks.iter().zip(1..).filter_map(|(own, node)| {
            let shared = self.shared.as_ref().map(Param::val);
            let weights = own.weights(shared, self.pool.as_ref())?;
            Some(NodeWeights { node, weights })
        });
        weights.collect()
    }
}

impl Compose for Flat {
    fn prompt_length(&self) -> usize {
        self.prompt_length
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
        self.tasks[task.position()].fold(shared, self.pool.as_ref())
    }
}
