use burn::module::{Module, Param, ParamId, list_param_ids};
use burn::tensor::Tensor;
use mtpt_core::{Compose, TaskIndex};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::attention::Pool;
use crate::fold::{Fold, Own, Place, first_features};
use crate::low_rank::LowRankConfig;
use crate::separate::SeparateConfig;
use crate::start::on;
use crate::{CompositionConfig, Error, NodeWeights, ParameterCount, Part, Result, Start, Tree};

/// The components on the way from the root of the task tree over its groups down to a task, each folded into the prompt above
/// it by the strategy of its level.
///
/// Every node of the tree, the root and the tasks among them, owns what its level's strategy says a task owns; groups share by
/// handing their prompts down. The root's strategy stands on the shared prompt `P`; with `separate` there, the root's
/// component is the shared prompt itself. Training starts at `P` wherever the strategies do.
///
/// Shared: that of the root's strategy, and the pools of attentions. Each node: what its level's strategy counts for a task.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `levels` | `separate` for the root, `low_rank` of rank 1 for every level below | the strategy of each level, the root's first | one for each level of the tree; none that reads inputs or is a hierarchy |
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HierarchyConfig {
    /// The strategy of each level, the root's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<CompositionConfig>>,
}

/// What a [`HierarchyConfig`] makes.
#[derive(Module, Debug)]
pub struct Hierarchy {
    /// `P`, `[prompt_length, width]`; none where the root does not read it.
    shared: Option<Param<Tensor<2>>>,
    /// One for each level.
    pools: Vec<Option<Pool>>,
    /// What each node owns.
    nodes: Vec<Own>,
    #[module(skip)]
    tree: Tree,
    /// For each level, how many features of the prompt above it reads.
    #[module(skip)]
    widths: Vec<usize>,
    #[module(skip)]
    prompt_length: usize,
    #[module(skip)]
    d_model: usize,
}

/// A level of a tree: its strategy, and what it stands on.
struct Level<'a> {
    config: &'a CompositionConfig,
    strategy: &'a dyn Fold,
    length_above: usize,
    /// How many components the attentions of the levels above have.
    components_above: usize,
}

impl HierarchyConfig {
    fn level(&self, depth: usize) -> CompositionConfig {
        match &self.levels {
            Some(levels) => levels[depth].clone(),
            None if depth == 0 => CompositionConfig::Separate(SeparateConfig::default()),
            None => CompositionConfig::LowRank(LowRankConfig::default()),
        }
    }

    /// Checks each level's options.
    pub(crate) fn check(&self, prompt_length: usize, d_model: usize) -> Result<()> {
        let Some(levels) = &self.levels else {
            return Ok(());
        };
        stacked(levels, prompt_length, d_model).map(|_| ())
    }

    /// The strategy of each level of a tree.
    fn levels_of(&self, tree: &Tree) -> Result<Vec<CompositionConfig>> {
        if let Some(levels) = &self.levels
            && levels.len() != tree.levels()
        {
            return Err(Error::Levels { expected: tree.levels(), found: levels.len() });
        }
        Ok((0..tree.levels()).map(|depth| self.level(depth)).collect())
    }

    pub(crate) fn parameter_count(
        &self,
        prompt_length: usize,
        d_model: usize,
        tree: &Tree,
    ) -> Result<ParameterCount> {
        let configs = self.levels_of(tree)?;
        let levels = stacked(&configs, prompt_length, d_model)?;
        let mut shared = prompt_length * levels[0].strategy.width_above(d_model);
        for level in &levels {
            shared += level.strategy.pool_numbers(level.length_above, d_model);
        }
        let mut own = 0;
        for (node, &depth) in tree.depths().iter().enumerate() {
            let level = &levels[depth];
            let numbers = level.strategy.own_numbers(level.length_above, d_model);
            match tree.task_at(node) {
                Some(_) => own += numbers,
                None => shared += numbers,
            }
        }
        Ok(ParameterCount { shared, own, task_count: tree.task_count() })
    }

    pub(crate) fn init(&self, start: &Start<'_>) -> Result<Hierarchy> {
        let tree = &start.tree;
        let d_model = start.d_model();
        let configs = self.levels_of(tree)?;
        let levels = stacked(&configs, start.length(), d_model)?;
        let prompt_length = even_length(&levels, tree)?;
        let mut rng = ChaCha8Rng::seed_from_u64(start.seed);
        let mut nodes: Vec<Own> = Vec::new();
        let mut pools: Vec<Option<Pool>> = vec![None; levels.len()];
        // What each node's prompt starts at.
        let mut prompts: Vec<Tensor<2>> = Vec::new();
        let mut shared = None;
        for (node, &depth) in tree.depths().iter().enumerate() {
            let level = &levels[depth];
            let target = match tree.parent(node) {
                Some(parent) => prompts[parent].clone(),
                None => start.shared.clone(),
            };
            // The shared prompt is there for the root alone: the others are read as they are.
            let above = match depth {
                0 => level.strategy.shared(target.clone()),
                _ => first_features(target.clone(), level.strategy.width_above(d_model)),
            };
            if depth == 0 {
                shared = above.clone().map(|above| Param::from_tensor(on(&start.device, above)));
            }
            let part = tree.task_at(node).map_or(Part::Node(node), Part::Task);
            let components_above = level.components_above;
            let mut place = Place { part, above, target, components_above, rng: &mut rng, start };
            let own = match level.config {
                // First values of its own would throw away where the prompt above starts.
                CompositionConfig::Separate(_) => Own::Separate(place.copy()),
                _ => level.strategy.own(&mut place)?,
            };
            if pools[depth].is_none() {
                pools[depth] = level.strategy.pool(&mut place)?;
            }
            prompts.push(own.fold(place.above, pools[depth].as_ref()).inner());
            nodes.push(own);
        }
        let widths = levels.iter().map(|level| level.strategy.width_above(d_model)).collect();
        let tree = tree.clone();
        Ok(Hierarchy { shared, pools, nodes, tree, widths, prompt_length, d_model })
    }
}

/// The levels with what they stand on.
fn stacked(
    configs: &[CompositionConfig],
    prompt_length: usize,
    d_model: usize,
) -> Result<Vec<Level<'_>>> {
    let (mut length_above, mut components_above) = (prompt_length, 0);
    let mut levels = Vec::with_capacity(configs.len());
    for (depth, config) in configs.iter().enumerate() {
        let Some(strategy) = config.fold() else {
            return Err(Error::NoLevel { level: depth, strategy: config.name() });
        };
        let in_level = |source| Error::InLevel { level: depth, source: Box::new(source) };
        strategy.check(length_above, d_model).map_err(in_level)?;
        levels.push(Level { config, strategy, length_above, components_above });
        length_above += strategy.added_length();
        components_above += strategy.components();
    }
    Ok(levels)
}

/// The length of the prompts of all tasks, which a batch needs to be one.
fn even_length(levels: &[Level<'_>], tree: &Tree) -> Result<usize> {
    let length = |task| {
        let level = &levels[tree.line(task).len() - 1];
        level.length_above + level.strategy.added_length()
    };
    let mut tasks = tree.tasks();
    let first = tasks.next().ok_or(Error::NoTask)?;
    for other in tasks {
        if length(other) != length(first) {
            let tasks = [first, other];
            return Err(Error::UnevenLengths { tasks, lengths: tasks.map(length) });
        }
    }
    Ok(length(first))
}

impl Hierarchy {
    /// Leaves the components of a level out of training, and with those of the root the shared prompt.
    pub(crate) fn frozen(mut self, level: usize) -> Self {
        if level == 0 {
            self.shared = self.shared.map(Module::no_grad);
        }
        self.pools[level] = self.pools[level].take().map(Module::no_grad);
        let nodes = std::mem::take(&mut self.nodes).into_iter().zip(self.tree.depths());
        self.nodes = nodes
            .map(|(node, &depth)| if depth == level { node.no_grad() } else { node })
            .collect();
        self
    }

    /// By what the prompts of groups and tasks are mixed.
    pub(crate) fn mixture_weights(&self) -> Vec<NodeWeights> {
        let mut prompts: Vec<Tensor<2>> = Vec::with_capacity(self.nodes.len());
        let mut found = Vec::new();
        // Groups come before what is below them.
        for (node, own) in self.nodes.iter().enumerate() {
            let level = self.tree.depths()[node];
            let above = match self.tree.parent(node) {
                Some(parent) => first_features(prompts[parent].clone(), self.widths[level]),
                None => self.shared.as_ref().map(Param::val),
            };
            let pool = self.pools[level].as_ref();
            if let Some(weights) = own.weights(above.clone(), pool) {
                found.push(NodeWeights { node, weights });
            }
            prompts.push(own.fold(above, pool));
        }
        found
    }

    /// The tree that it follows.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}

impl Compose for Hierarchy {
    fn prompt_length(&self) -> usize {
        self.prompt_length
    }

    fn d_model(&self) -> usize {
        self.d_model
    }

    fn task_count(&self) -> usize {
        self.tree.task_count()
    }

    /// What the leaves own: groups and the root are shared.
    fn task_parameters(&self) -> Vec<ParamId> {
        let leaves = self.nodes.iter().enumerate();
        let leaves = leaves.filter(|&(node, _)| self.tree.task_at(node).is_some());
        leaves.flat_map(|(_, own)| list_param_ids(own)).collect()
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        let mut prompt = self.shared.as_ref().map(Param::val);
        for (level, &node) in self.tree.line(task).iter().enumerate() {
            let above = prompt.and_then(|prompt| first_features(prompt, self.widths[level]));
            prompt = Some(self.nodes[node].fold(above, self.pools[level].as_ref()));
        }
        prompt.expect("invariant: a line has at least one node")
    }
}
