use mtpt::burn::tensor::{Bool, Int, Tensor, TensorData};
use mtpt::compose::{Composition, CompositionConfig, InstanceAttention, MixtureWeights};
use mtpt::core::TaskIndex;
use mtpt::infer::Prompts;
use mtpt::t5::{T5, T5Tokenizer};
use mtpt::tasks::{Split, Task, TaskTree, truncate};

use crate::error::Result;

/// By what weights the prompts are mixed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Mixtures {
    /// Of each task or group: its name, the share of the prompt above, and the share of its own.
    pub(super) shares: Vec<(String, f64, f64)>,
    /// Of each task or group, and each of its heads: the share of every component.
    pub(super) heads: Vec<(String, Vec<Vec<f64>>)>,
    /// Of each task: the mean share of every component over rows, and how many rows these are.
    pub(super) inputs: Vec<(String, Vec<f64>, usize)>,
    /// Whether the last share of `inputs` is that of the task's own prompt.
    pub(super) attends_own: bool,
}

/// Most rows of a task that shares are averaged over.
const ROWS: usize = 64;

impl Mixtures {
    /// The weights that stand in the prompts.
    pub(super) fn new(prompts: &Prompts) -> Result<Self> {
        let tasks = prompts.tasks();
        // Nodes without a tree are the tasks after a root.
        let names: Vec<String> = match prompts.header().composition {
            CompositionConfig::Hierarchy(_) => {
                let tree = TaskTree::new(tasks.iter().map(|task| &task.name))?;
                tree.nodes().map(|node| node.path().to_owned()).collect()
            }
            _ => [String::new()]
                .into_iter()
                .chain(tasks.iter().map(|task| task.name.to_string()))
                .collect(),
        };
        let mut mixtures = Self::default();
        for found in prompts.composition().mixture_weights() {
            let name = match names.get(found.node).map(String::as_str) {
                Some("") | None => "(all tasks)".to_owned(),
                Some(name) => name.to_owned(),
            };
            match found.weights {
                MixtureWeights::TwoShares { above, own } => {
                    mixtures.shares.push((name, above, own))
                }
                MixtureWeights::Heads(heads) => mixtures.heads.push((name, heads)),
                _ => {}
            }
        }
        Ok(mixtures)
    }

    /// Adds the mean shares of components that inputs choose, where prompts depend on them: of the first rows of `dev`.
    pub(super) fn with_inputs(
        mut self,
        prompts: &Prompts,
        t5: &T5,
        tokenizer: &T5Tokenizer,
        tasks: &[Task],
    ) -> Result<Self> {
        let Composition::InstanceAttention(attention) = prompts.composition() else {
            return Ok(self);
        };
        let longest = prompts.header().longest_input();
        for (position, named) in (0..).zip(prompts.tasks()) {
            let known = tasks.iter().find(|task| task.id() == &named.name);
            let Some(task) = known.filter(|task| task.has(Split::Dev)) else { continue };
            let mut inputs = Vec::new();
            for row in task.stream(Split::Dev)?.take(ROWS) {
                let mut ids = tokenizer.encode(&row?.input)?;
                truncate(&mut ids, longest);
                inputs.push(ids);
            }
            if inputs.is_empty() {
                continue;
            }
            let shares = mean_shares(attention, TaskIndex::new(position), &inputs, t5);
            self.attends_own = shares.len() > prompts.header().composition.component_count();
            self.inputs.push((named.name.to_string(), shares, inputs.len()));
        }
        Ok(self)
    }
}

/// The mean of the shares of each component over inputs.
fn mean_shares(
    attention: &InstanceAttention,
    task: TaskIndex,
    inputs: &[Vec<u32>],
    t5: &T5,
) -> Vec<f64> {
    let device = t5.device();
    let longest = inputs.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let shape = [inputs.len(), longest];
    let padding = t5.config().pad_token_id;
    let ids: Vec<i64> = inputs
        .iter()
        .flat_map(|row| row.iter().copied().chain(std::iter::repeat(padding)).take(longest))
        .map(i64::from)
        .collect();
    let mask: Vec<bool> =
        inputs.iter().flat_map(|row| (0..longest).map(|place| place < row.len())).collect();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, shape), &device);
    let mask = Tensor::<2, Bool>::from_data(TensorData::new(mask, shape), &device);
    let rows = vec![task; inputs.len()];
    let shares = attention.component_shares(&rows, &t5.embed(ids), &mask).mean_dim(0);
    shares.into_data().iter::<f32>().map(f64::from).collect()
}
