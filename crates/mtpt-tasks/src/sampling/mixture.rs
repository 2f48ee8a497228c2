use crate::error::Result;
use crate::out_of_range::OutOfRange;
use crate::sampling::error::SamplingError;
use crate::sampling::permutation::{Permutation, below, hash};
use crate::sampling::rates::{MixtureConfig, is_weight};
use crate::sampling::stochastic::{Draws, StochasticTasks};

/// A row of a mixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pick {
    /// Position of the task.
    pub task: usize,
    /// Position of the row in the task's data.
    pub row: usize,
}

/// Which rows stand in the batch of a step: a pure function of seed and step, without any state to save.
///
/// Rows form one endless sequence, of which a batch of `b` rows at step `s` (counted from 0) takes the positions
/// `s b .. (s + 1) b`. So a batch that is accumulated from parts, or split over devices, sees the same rows.
///
/// With `shuffle`, the sequence is made of blocks of a fixed number of positions, at least 4,096. Each task has a
/// fixed number of positions in every block, its rate rounded to whole positions and at least one
/// ([`rates`](Self::rates) are the rounded ones); the seed and the block's number shuffle the block. So tasks keep
/// their rates in every block, not in the long run alone. The number of a task's draws before any position
/// follows from the block and the positions before it in the block; the draw of number `n` of a task with `r` rows
/// is the row at place `n mod r` of the order that the seed gives the task's rows for pass `n / r`. So within a task,
/// every row is seen once before any is seen twice, and so on for every pass.
///
/// Without `shuffle` neither rates nor weights count: position `p` of `k` tasks is task `p mod k`, and its row `p / k`, modulo its number of rows:
/// tasks take turns in the order given, rows come in the order of their file. A run can so be laid beside another
/// program's step by step.
///
/// With [`StochasticTasks`], each batch has a few tasks, drawn for it: there is no sequence that batches are cut from, and rows
/// depend on how many a batch has. Within a task, rows come in the same order as above, so that each is seen once before any
/// is seen twice, too. That a task keeps its rate holds in the long run, not in every block.
///
/// The cost is that of walking one block, about 10 microseconds, for any batch within it.
#[derive(Clone, Debug)]
pub struct Mixture {
    sizes: Vec<usize>,
    seed: u64,
    shuffle: bool,
    /// Positions of each task in a block.
    quotas: Vec<u64>,
    /// Positions in a block.
    block: u64,
    weights: Vec<f64>,
    /// The tasks of each batch, where each has a few alone.
    draws: Option<Draws>,
}

/// Fewest positions in a block.
const BLOCK: usize = 4_096;
/// Positions in a block for each task, at least: the rate of a rare task is rounded to whole positions.
const POSITIONS_PER_TASK: usize = 64;

/// What a seed is used for, so that no two uses share their numbers.
const FOR_BLOCKS: u64 = 1;
const FOR_ROWS: u64 = 2;
const FOR_TASKS: u64 = 3;

impl Mixture {
    /// A mixture of tasks with a number of rows each.
    ///
    /// # Errors
    ///
    /// [`SamplingError::EmptyMixture`], [`SamplingError::EmptyTask`], [`OutOfRange`] for a temperature, a cap or a number of tasks, and
    /// [`SamplingError::StochasticInTurn`].
    pub fn new(config: &MixtureConfig, sizes: &[usize], seed: u64) -> Result<Self> {
        Self::weighted(&config.weights(sizes)?, sizes, config.shuffle, seed)?
            .drawing(config.stochastic)
    }

    /// A mixture of tasks with a weight and a number of rows each: in place of [`Rates`], the weights say how often each
    /// task occurs.
    ///
    /// # Errors
    ///
    /// [`SamplingError::EmptyMixture`], [`SamplingError::EmptyTask`], and [`OutOfRange`] for a weight that is not positive and
    /// finite.
    ///
    /// # Panics
    ///
    /// When there are more or fewer weights than sizes.
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
        Ok(Self { sizes, seed, shuffle, quotas, block, weights, draws: None })
    }

    /// The same mixture, each of whose batches has a few tasks alone, unless none is said.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] for a number of tasks, and [`SamplingError::StochasticInTurn`] if tasks should take turns.
    pub fn drawing(mut self, stochastic: Option<StochasticTasks>) -> Result<Self> {
        let Some(stochastic) = stochastic else { return Ok(self) };
        if !self.shuffle {
            return Err(SamplingError::StochasticInTurn.into());
        }
        let seed = hash(self.seed, [FOR_TASKS]);
        self.draws = Some(Draws::new(stochastic, &self.weights, seed)?);
        Ok(self)
    }

    /// Number of rows of each task.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Share of each task in the rows of batches.
    ///
    /// Where tasks are drawn for each batch without replacement, it is that of the first 4,096 batches.
    pub fn rates(&self) -> Vec<f64> {
        if let Some(draws) = &self.draws {
            return draws.rates();
        }
        if self.shuffle {
            self.quotas.iter().map(|&quota| quota as f64 / self.block as f64).collect()
        } else {
            vec![1.0 / self.sizes.len() as f64; self.sizes.len()]
        }
    }

    /// The rows in the batch of a step, counted from 0.
    pub fn batch(&self, step: u64, rows: usize) -> Vec<Pick> {
        if let Some(draws) = &self.draws {
            let mut before = draws.before(step, rows);
            let mut picks = Vec::with_capacity(rows);
            for (task, rows) in draws.tasks(step, rows) {
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

    /// The task at each position of a block.
    fn shuffled_block(&self, block: u64) -> Vec<u32> {
        let mut tasks = Vec::with_capacity(self.block as usize);
        for (task, &quota) in self.quotas.iter().enumerate() {
            tasks.extend(std::iter::repeat_n(task as u32, quota as usize));
        }
        // Fisher and Yates.
        let seed = hash(self.seed, [FOR_BLOCKS, block]);
        for last in (1..tasks.len()).rev() {
            tasks.swap(last, below(hash(seed, [last as u64]), last + 1));
        }
        tasks
    }

    /// The row of a task's draw of a number.
    fn row(&self, task: usize, draw: u64) -> usize {
        let size = self.sizes[task] as u64;
        let seed = hash(self.seed, [FOR_ROWS, task as u64, draw / size]);
        Permutation::new(self.sizes[task], seed).get((draw % size) as usize)
    }
}

/// Whole numbers in proportion to weights, at least 1 each, that sum to a total: each weight's share rounded down,
/// the rest given to the largest remainders.
fn quotas(weights: &[f64], total: u64) -> Vec<u64> {
    let sum: f64 = weights.iter().sum();
    let free = total - weights.len() as u64;
    let shares: Vec<f64> = weights.iter().map(|weight| weight / sum * total as f64).collect();
    // One position for each task comes first; the rest goes by what the shares still lack.
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
