use std::num::Saturating;
use std::ops::Range;

use burn::module::{Module, Param, ParamId, list_param_ids};
use burn::tensor::{Device, Tensor};
use mtpt_core::{Compose, TaskIndex};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::config::{CompositionConfig, HierarchyConfig, Kind};
use crate::error::{Error, Result};
use crate::flat::zero_shared;
use crate::init::{InitContext, PartInit, detached_on};
use crate::mixture_weights::NodeWeights;
use crate::parameter_count::ParameterCount;
use crate::part_id::PartId;
use crate::strategies::attention::Pool;
use crate::strategy::first_features;
use crate::task_part::{LevelStrategy, TaskPart};
use crate::tree::Tree;

/// One part per node of the task tree, built by a [`HierarchyConfig`].
#[derive(Module, Debug)]
pub struct Hierarchy {
    /// `P`, `[prompt_length, width]`; `None` if the root's strategy doesn't use it.
    shared: Option<Param<Tensor<2>>>,
    /// One entry per level.
    pools: Vec<Option<Pool>>,
    /// The part of each node.
    nodes: Vec<TaskPart>,
    #[module(skip)]
    tree: Tree,
    /// Number of features of the parent prompt that each level uses.
    #[module(skip)]
    widths: Vec<usize>,
    #[module(skip)]
    prompt_length: usize,
    #[module(skip)]
    d_model: usize,
    /// Vectors of a prompt that are prepended to the decoder's input.
    #[module(skip)]
    pub(crate) decoder_vectors: Range<usize>,
}

/// A level of the tree and what the levels above it add up to.
struct Level<'a> {
    config: &'a CompositionConfig,
    strategy: &'a dyn LevelStrategy,
    /// Length of the parent prompts.
    parent_length: usize,
    /// Number of components of the attentions at higher levels.
    components_above: usize,
}

/// Checks the options of every level.
pub(crate) fn check(config: &HierarchyConfig, prompt_length: usize, d_model: usize) -> Result<()> {
    let Some(levels) = &config.levels else {
        return Ok(());
    };
    stack(levels, prompt_length, d_model).map(|_| ())
}

/// Returns the number of parameters in closed form.
pub(crate) fn parameter_count(
    config: &HierarchyConfig,
    prompt_length: usize,
    d_model: usize,
    tree: &Tree,
) -> Result<ParameterCount> {
    let configs = level_configs(config, tree)?;
    let levels = stack(&configs, prompt_length, d_model)?;
    let root_width = levels[0].strategy.parent_width(d_model);
    let mut shared = Saturating(prompt_length) * Saturating(root_width);
    let width = Saturating(d_model);
    for level in &levels {
        shared += level.strategy.pool_size(Saturating(level.parent_length), width);
    }
    let mut task_specific = Saturating(0);
    for (node, &depth) in tree.depths().iter().enumerate() {
        let level = &levels[depth];
        let size = level.strategy.part_size(Saturating(level.parent_length), width);
        match tree.task_at(node) {
            Some(_) => task_specific += size,
            None => shared += size,
        }
    }
    let (shared, task_specific) = (shared.0, task_specific.0);
    Ok(ParameterCount { shared, task_specific, task_count: tree.task_count() })
}

/// Returns the strategy of each level of a tree.
fn level_configs(config: &HierarchyConfig, tree: &Tree) -> Result<Vec<CompositionConfig>> {
    if let Some(levels) = &config.levels
        && levels.len() != tree.levels()
    {
        return Err(Error::Levels { expected: tree.levels(), found: levels.len() });
    }
    Ok((0..tree.levels()).map(|depth| config.level(depth)).collect())
}

/// Checks the levels from the root down and sums up their lengths and components.
fn stack(
    configs: &[CompositionConfig],
    prompt_length: usize,
    d_model: usize,
) -> Result<Vec<Level<'_>>> {
    let (mut parent_length, mut components_above) = (prompt_length, 0);
    let mut levels = Vec::with_capacity(configs.len());
    for (depth, config) in configs.iter().enumerate() {
        let Kind::Level(strategy) = config.kind() else {
            return Err(Error::NoLevel { level: depth, strategy: config.name() });
        };
        let in_level = |source| Error::InLevel { level: depth, source: Box::new(source) };
        strategy.check(parent_length, d_model).map_err(in_level)?;
        levels.push(Level { config, strategy, parent_length, components_above });
        parent_length = parent_length.saturating_add(strategy.added_length());
        components_above += strategy.component_count();
    }
    Ok(levels)
}

/// Returns the length of the tasks' prompts, which must be equal because a batch mixes tasks.
fn common_length(levels: &[Level<'_>], tree: &Tree) -> Result<usize> {
    let length = |task| {
        let level = &levels[tree.path(task).len() - 1];
        level.parent_length.saturating_add(level.strategy.added_length())
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
    pub(crate) fn init(config: &HierarchyConfig, context: &InitContext<'_>) -> Result<Self> {
        let tree = &context.tree;
        let d_model = context.d_model();
        let configs = level_configs(config, tree)?;
        let levels = stack(&configs, context.length(), d_model)?;
        let prompt_length = common_length(&levels, tree)?;
        let mut rng = ChaCha8Rng::seed_from_u64(context.seed);
        let mut nodes: Vec<TaskPart> = Vec::new();
        let mut pools: Vec<Option<Pool>> = vec![None; levels.len()];
        // The initial prompt of each node.
        let mut prompts: Vec<Tensor<2>> = Vec::new();
        let mut shared = None;
        for (node, &depth) in tree.depths().iter().enumerate() {
            let level = &levels[depth];
            let target = match tree.parent(node) {
                Some(parent) => prompts[parent].clone(),
                None => context.shared.clone(),
            };
            // Only the root's parent prompt is a parameter that its strategy may initialize.
            let parent = match depth {
                0 => level.strategy.init_shared(target.clone()),
                _ => first_features(target.clone(), level.strategy.parent_width(d_model)),
            };
            if depth == 0 {
                shared = parent
                    .clone()
                    .map(|parent| Param::from_tensor(detached_on(&context.device, parent)));
            }
            let part = tree.task_at(node).map_or(PartId::Node(node), PartId::Task);
            let components_above = level.components_above;
            let mut init =
                PartInit { part, parent, target, components_above, rng: &mut rng, context };
            let part = match level.config {
                // Separate initial values would discard the parent's prompt.
                CompositionConfig::Separate(_) => TaskPart::Separate(init.copy_target()),
                _ => level.strategy.init_part(&mut init)?,
            };
            if pools[depth].is_none() {
                pools[depth] = level.strategy.init_pool(&mut init)?;
            }
            prompts.push(part.forward(init.parent, pools[depth].as_ref()).inner());
            nodes.push(part);
        }
        let widths = levels.iter().map(|level| level.strategy.parent_width(d_model)).collect();
        let tree = tree.clone();
        let decoder_vectors = 0..0;
        Ok(Self { shared, pools, nodes, tree, widths, prompt_length, d_model, decoder_vectors })
    }

    /// Creates a hierarchy with all parameters zero, for a shared prompt `[length, d_model]`.
    pub(crate) fn zeros(
        config: &HierarchyConfig,
        [length, d_model]: [usize; 2],
        tree: &Tree,
        device: &Device,
    ) -> Result<Self> {
        let configs = level_configs(config, tree)?;
        let levels = stack(&configs, length, d_model)?;
        let prompt_length = common_length(&levels, tree)?;
        let dims = |level: &Level<'_>| [level.parent_length, d_model];
        let part = |&depth: &usize| {
            let level = &levels[depth];
            level.strategy.zero_part(dims(level), device)
        };
        Ok(Self {
            shared: zero_shared(levels[0].strategy, [length, d_model], device),
            pools: levels
                .iter()
                .map(|level| level.strategy.zero_pool(dims(level), device))
                .collect(),
            nodes: tree.depths().iter().map(part).collect(),
            tree: tree.clone(),
            widths: levels.iter().map(|level| level.strategy.parent_width(d_model)).collect(),
            prompt_length,
            d_model,
            decoder_vectors: 0..0,
        })
    }

    /// Freezes the parts of a level; at level 0 also the shared prompt.
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

    /// Returns the mixture weights of groups and tasks.
    pub(crate) fn mixture_weights(&self) -> Vec<NodeWeights> {
        let mut prompts: Vec<Tensor<2>> = Vec::with_capacity(self.nodes.len());
        let mut found = Vec::new();
        // Parents have lower numbers than their children.
        for (node, part) in self.nodes.iter().enumerate() {
            let level = self.tree.depths()[node];
            let parent = match self.tree.parent(node) {
                Some(parent) => first_features(prompts[parent].clone(), self.widths[level]),
                None => self.shared.as_ref().map(Param::val),
            };
            let pool = self.pools[level].as_ref();
            if let Some(weights) = part.mixture_weights(parent.clone(), pool) {
                found.push(NodeWeights { node, weights });
            }
            prompts.push(part.forward(parent, pool));
        }
        found
    }

    /// Returns the task tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }
}

impl Compose for Hierarchy {
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
        self.tree.task_count()
    }

    /// Returns the parameters of the leaves. Those of groups and the root are shared.
    fn task_parameters(&self) -> Vec<ParamId> {
        let leaves = self.nodes.iter().enumerate();
        let leaves = leaves.filter(|&(node, _)| self.tree.task_at(node).is_some());
        leaves.flat_map(|(_, part)| list_param_ids(part)).collect()
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        let mut prompt = self.shared.as_ref().map(Param::val);
        for (level, &node) in self.tree.path(task).iter().enumerate() {
            let parent = prompt.and_then(|prompt| first_features(prompt, self.widths[level]));
            prompt = Some(self.nodes[node].forward(parent, self.pools[level].as_ref()));
        }
        prompt.expect("invariant: a path has at least one node")
    }
}
