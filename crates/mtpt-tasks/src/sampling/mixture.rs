use crate::error::Result;
use crate::out_of_range::OutOfRange;
use crate::sampling::error::SamplingError;
use crate::sampling::permutation::{Permutation, below, hash};
use crate::sampling::rates::{MixtureConfig, is_weight};
use crate::sampling::stochastic::{StochasticTasks, TaskSampler};

/// A sampled example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pick {
    /// Position of the task.
    pub task: usize,
    /// Index of the example in the task's data.
    pub row: usize,
}

/// The examples in the batch of each step: a pure function of seed and step, without state.
///
/// Examples form one endless sequence. A batch of `b` examples at step `s` (counted from 0) takes
/// the positions `s b .. (s + 1) b`. A batch that is accumulated from parts, or split over devices,
/// has the same examples.
///
/// With `shuffle`, the sequence consists of blocks of at least 4,096 positions. Each task has a
/// fixed number of positions in every block: its rate, rounded to at least one
/// ([`rates`](Self::rates) returns the rounded rates). Each block is shuffled by the seed and its
/// index. The `n`-th example of a task with `r` examples is number `n mod r` in a permutation for
/// pass `n / r`, so each example is used once per pass.
///
/// Without `shuffle`, rates and weights have no effect: position `p` of `k` tasks is task `p mod
/// k`, and its example `p / k`, modulo their number. This order can be compared with that of
/// another program step by step.
///
/// With [`StochasticTasks`], a few tasks are sampled for each batch, and the examples depend on the
/// batch size. Within a task, their order is as above. Tasks keep their rates on average, not in
/// every block.
///
/// The cost of any batch is that of one block, about 10 microseconds.
#[derive(Clone, Debug)]
pub struct Mixture {
    sizes: Vec<usize>,
    seed: u64,
    shuffle: bool,
    /// Number of positions of each task in a block.
    quotas: Vec<u64>,
    /// Number of positions in a block.
    block: u64,
    weights: Vec<f64>,
    /// The tasks of each batch, if they are sampled.
    sampler: Option<TaskSampler>,
}

/// Minimum number of positions in a block.
const BLOCK: usize = 4_096;
/// Minimum number of positions per task in a block, which limits the rounding of rates.
const POSITIONS_PER_TASK: usize = 64;

/// Domains of hashes, so that no two uses of a seed share random numbers.
const FOR_BLOCKS: u64 = 1;
const FOR_ROWS: u64 = 2;
const FOR_TASKS: u64 = 3;

impl Mixture {
    /// Creates a mixture of tasks from their numbers of examples.
    ///
    /// # Errors
    ///
    /// Returns [`SamplingError::EmptyMixture`], [`SamplingError::EmptyTask`],
    /// [`SamplingError::StochasticInTurn`], or [`OutOfRange`] for an option.
    pub fn new(config: &MixtureConfig, sizes: &[usize], seed: u64) -> Result<Self> {
        Self::weighted(&config.weights(sizes)?, sizes, config.shuffle, seed)?
            .with_stochastic(config.stochastic)
    }

    /// Creates a mixture with a weight for each task, instead of [`Rates`](crate::Rates).
    ///
    /// # Errors
    ///
    /// Returns [`SamplingError::EmptyMixture`], [`SamplingError::EmptyTask`], or [`OutOfRange`] for
    /// a weight that is not positive and finite.
    ///
    /// # Panics
    ///
    /// If the number of weights differs from the number of tasks.
    pub fn weighted(weights: &[f64], sizes: &[usize], shuffle: bool, seed: u64) -> Result<Self> {
        assert_eq!(weights.len(), sizes.len(), "a weight for each size");
        if sizes.is_empty() {
            return Err(SamplingError::EmptyMixture.into());
        }
        if let Some(task) = sizes.iter().position(|&size| size == 0) {
            return Err(SamplingError::EmptyTask { task }.into());
        }
        if let Some(&found) = weights.iter().find(|&&weight| !is_weight(weight)) {
            let (option, expected) = ("weight", "to be positive and finite");
            return Err(OutOfRange { option, expected, found }.into());
        }
        // A multiple of the number of tasks, so that equal rates are exactly equal.
        let tasks = sizes.len();
        let block = tasks * BLOCK.div_ceil(tasks).max(POSITIONS_PER_TASK);
        let quotas = quotas(weights, block as u64);
        let block = quotas.iter().sum();
        let (sizes, weights) = (sizes.to_vec(), weights.to_vec());
        Ok(Self { sizes, seed, shuffle, quotas, block, weights, sampler: None })
    }

    /// Samples a few tasks for each batch, if configured.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] for the number of tasks, or [`SamplingError::StochasticInTurn`]
    /// without `shuffle`.
    pub fn with_stochastic(mut self, stochastic: Option<StochasticTasks>) -> Result<Self> {
        let Some(stochastic) = stochastic else { return Ok(self) };
        if !self.shuffle {
            return Err(SamplingError::StochasticInTurn.into());
        }
        let seed = hash(self.seed, [FOR_TASKS]);
        self.sampler = Some(TaskSampler::new(stochastic, &self.weights, seed)?);
        Ok(self)
    }

    /// Returns the number of examples of each task.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Returns the fraction of each task among the examples of batches.
    ///
    /// For tasks sampled without replacement, it is measured in the first 4,096 batches.
    pub fn rates(&self) -> Vec<f64> {
        if let Some(sampler) = &self.sampler {
            return sampler.rates();
        }
        if self.shuffle {
            self.quotas.iter().map(|&quota| quota as f64 / self.block as f64).collect()
        } else {
            vec![1.0 / self.sizes.len() as f64; self.sizes.len()]
        }
    }

    /// Returns the examples in the batch of a step, counted from 0.
    pub fn batch(&self, step: u64, rows: usize) -> Vec<Pick> {
        if let Some(sampler) = &self.sampler {
            let mut before = sampler.before(step, rows);
            let mut picks = Vec::with_capacity(rows);
            for (task, rows) in sampler.tasks(step, rows) {
                for _ in 0..rows {
                    picks.push(Pick { task, row: self.row(task, before[task]) });
                    before[task] += 1;
                }
            }
            return picks;
        }
        let start = step.wrapping_mul(rows as u64);
        if !self.shuffle {
            let tasks = self.sizes.len() as u64;
            let pick = |position: u64| {
                let task = (position % tasks) as usize;
                let row = (position / tasks % self.sizes[task] as u64) as usize;
                Pick { task, row }
            };
            return (0..rows as u64).map(|row| pick(start.wrapping_add(row))).collect();
        }
        let mut picks = Vec::with_capacity(rows);
        let mut block = start / self.block;
        let mut skip = (start % self.block) as usize;
        while picks.len() < rows {
            let mut draws: Vec<u64> =
                self.quotas.iter().map(|quota| quota.wrapping_mul(block)).collect();
            let tasks = self.shuffled_block(block);
            for &task in &tasks[..skip] {
                draws[task as usize] = draws[task as usize].wrapping_add(1);
            }
            for &task in tasks[skip..].iter().take(rows - picks.len()) {
                let task = task as usize;
                picks.push(Pick { task, row: self.row(task, draws[task]) });
                draws[task] = draws[task].wrapping_add(1);
            }
            block = block.wrapping_add(1);
            skip = 0;
        }
        picks
    }

    /// Returns the task at each position of a block.
    fn shuffled_block(&self, block: u64) -> Vec<u32> {
        let mut tasks = Vec::with_capacity(self.block as usize);
        for (task, &quota) in self.quotas.iter().enumerate() {
            tasks.extend(std::iter::repeat_n(task as u32, quota as usize));
        }
        // Fisher-Yates shuffle.
        let seed = hash(self.seed, [FOR_BLOCKS, block]);
        for last in (1..tasks.len()).rev() {
            tasks.swap(last, below(hash(seed, [last as u64]), last + 1));
        }
        tasks
    }

    /// Returns the index of a task's `draw`-th example.
    fn row(&self, task: usize, draw: u64) -> usize {
        let size = self.sizes[task] as u64;
        let seed = hash(self.seed, [FOR_ROWS, task as u64, draw / size]);
        Permutation::new(self.sizes[task], seed).get((draw % size) as usize)
    }
}

/// Returns integers of at least 1 in proportion to the weights, which sum to `total`. Shares are
/// rounded down, and the rest goes to the largest remainders.
fn quotas(weights: &[f64], total: u64) -> Vec<u64> {
    let sum: f64 = weights.iter().sum();
    let free = total - weights.len() as u64;
    let shares: Vec<f64> = weights.iter().map(|weight| weight / sum * total as f64).collect();
    // Each task gets one position first; the rest is in proportion to what is missing from its
    // share.
    let lacking: Vec<f64> = shares.iter().map(|share| (share - 1.0).max(0.0)).collect();
    let lacking_sum: f64 = lacking.iter().sum();
    let scale = if lacking_sum > 0.0 { free as f64 / lacking_sum } else { 0.0 };
    let mut quotas: Vec<u64> =
        lacking.iter().map(|share| 1 + (share * scale).floor() as u64).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    let remainder = |index: usize| (lacking[index] * scale).fract();
    order.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(&b)));
    let mut missing = total.saturating_sub(quotas.iter().sum());
    for &index in order.iter().cycle() {
        if missing == 0 {
            break;
        }
        quotas[index] += 1;
        missing -= 1;
    }
    quotas
}
