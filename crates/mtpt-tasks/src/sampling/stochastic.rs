use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::out_of_range::OutOfRange;
use crate::sampling::permutation::{below, hash};

/// Stochastic task sampling: each batch has a few tasks (Wang et al. 2023, section 3.3;
/// `data_utils.py` of `XYaoooo/DPT`).
///
/// For each batch, the number of tasks is sampled uniformly from 2 to `most_tasks`, and this many
/// tasks are sampled by their rates. Each gets the same number of examples; the remainder goes to
/// one of them, sampled uniformly. In TOML: `mixture = { stochastic = { most_tasks = 6 } }`.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `most_tasks` | | maximum number of tasks per batch | from 2 to the batch size |
/// | `replacement` | `true` | whether a task can be sampled more than once for a batch and get more of its examples | |
///
/// Without replacement, a batch has at most as many tasks as there are, and small tasks are sampled
/// more often than by their rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StochasticTasks {
    /// Maximum number of tasks per batch, from 2 to the batch size.
    pub most_tasks: usize,
    /// Whether a task can be sampled more than once for a batch.
    #[serde(default = "yes")]
    pub replacement: bool,
}

fn yes() -> bool {
    true
}

impl StochasticTasks {
    /// Samples up to `most_tasks` tasks per batch, with replacement.
    pub fn new(most_tasks: usize) -> Self {
        Self { most_tasks, replacement: true }
    }

    /// Checks that a batch has an example for each task that may be sampled.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfRange`] for `most_tasks`.
    pub fn check_batch_size(&self, batch_size: usize) -> Result<()> {
        if self.most_tasks <= batch_size {
            return Ok(());
        }
        let (option, expected) = ("most_tasks", "to be at most `batch_size`");
        Err(OutOfRange { option, expected, found: self.most_tasks as f64 }.into())
    }
}

/// Number of steps between two cached counts of earlier examples.
const CACHE_INTERVAL: u64 = 64;
/// Number of steps in which rates are measured for which there is no formula.
const MEASURED_STEPS: u64 = 4_096;

/// Sampler of the tasks of each batch.
#[derive(Clone, Debug)]
pub(crate) struct TaskSampler {
    config: StochasticTasks,
    /// Cumulative sum of the weights.
    sums: Vec<f64>,
    seed: u64,
    /// Cache of the numbers of earlier examples. It affects the time of a call, not its result.
    cache: Arc<Mutex<Cache>>,
}

#[derive(Debug, Default)]
struct Cache {
    /// Batch size.
    rows: usize,
    /// Number of each task's examples before steps 0, [`CACHE_INTERVAL`], ...
    counts: Vec<Vec<u64>>,
}

impl TaskSampler {
    pub(crate) fn new(config: StochasticTasks, weights: &[f64], seed: u64) -> Result<Self> {
        if config.most_tasks < 2 {
            return Err(OutOfRange {
                option: "most_tasks",
                expected: "to be at least 2",
                found: config.most_tasks as f64,
            }
            .into());
        }
        let mut sum = 0.0;
        let sums = weights.iter().map(|weight| {
            sum += weight;
            sum
        });
        Ok(Self { config, sums: sums.collect(), seed, cache: Arc::default() })
    }

    /// Returns the tasks of a step's batch and their numbers of examples. A task that was sampled
    /// twice occurs twice. There are never more tasks than rows.
    pub(crate) fn tasks(&self, step: u64, rows: usize) -> Vec<(usize, usize)> {
        let seed = hash(self.seed, [step]);
        let count = self.sums.len();
        let most = match self.config.replacement {
            true => self.config.most_tasks,
            false => self.config.most_tasks.min(count),
        };
        let most = most.min(rows);
        // There may be only one task, or one row.
        let number = if most < 2 { 1 } else { 2 + below(hash(seed, [0]), most - 1) };
        let mut sampled: Vec<(usize, usize)> = Vec::with_capacity(number);
        for draw in 0..number {
            let chance = unit(hash(seed, [1, draw as u64]));
            let task = if self.config.replacement {
                let total = self.sums[count - 1];
                self.sums.partition_point(|&sum| sum <= chance * total).min(count - 1)
            } else {
                self.sample_other(&sampled, chance)
            };
            sampled.push((task, rows / number));
        }
        sampled[below(hash(seed, [2]), number)].1 += rows % number;
        sampled
    }

    /// Samples a task by its weight from those that were not sampled yet.
    fn sample_other(&self, sampled: &[(usize, usize)], chance: f64) -> usize {
        let weight =
            |task: usize| self.sums[task] - if task == 0 { 0.0 } else { self.sums[task - 1] };
        let left =
            || (0..self.sums.len()).filter(|task| sampled.iter().all(|(other, _)| other != task));
        let mut rest = chance * left().map(weight).sum::<f64>();
        let mut last = 0;
        for task in left() {
            last = task;
            rest -= weight(task);
            if rest < 0.0 {
                break;
            }
        }
        last
    }

    /// Returns the number of examples of each task in the batches before a step.
    pub(crate) fn before(&self, step: u64, rows: usize) -> Vec<u64> {
        // The cache is valid after a panic: its lists are only pushed when complete.
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.rows != rows || cache.counts.is_empty() {
            *cache = Cache { rows, counts: vec![vec![0; self.sums.len()]] };
        }
        let entry = (step / CACHE_INTERVAL) as usize;
        while cache.counts.len() <= entry {
            let known = cache.counts.len() - 1;
            let start = known as u64 * CACHE_INTERVAL;
            let next = self.count(cache.counts[known].clone(), start..start + CACHE_INTERVAL, rows);
            cache.counts.push(next);
        }
        let known = cache.counts[entry].clone();
        drop(cache);
        self.count(known, entry as u64 * CACHE_INTERVAL..step, rows)
    }

    fn count(&self, mut counts: Vec<u64>, steps: std::ops::Range<u64>, rows: usize) -> Vec<u64> {
        for step in steps {
            for (task, rows) in self.tasks(step, rows) {
                counts[task] += rows as u64;
            }
        }
        counts
    }

    /// Returns the fraction of each task among the examples of batches.
    ///
    /// With replacement it is the rate. Without replacement it is measured in the first 4,096
    /// batches, as if their sizes were divisible by the number of tasks.
    pub(crate) fn rates(&self) -> Vec<f64> {
        let total = *self.sums.last().unwrap_or(&1.0);
        if self.config.replacement {
            let before = [0.0].into_iter().chain(self.sums.iter().copied());
            return self
                .sums
                .iter()
                .zip(before)
                .map(|(sum, before)| (sum - before) / total)
                .collect();
        }
        let mut shares = vec![0.0; self.sums.len()];
        for step in 0..MEASURED_STEPS {
            let sampled = self.tasks(step, usize::MAX);
            for (task, _) in &sampled {
                shares[*task] += 1.0 / (sampled.len() as f64 * MEASURED_STEPS as f64);
            }
        }
        shares
    }
}

/// Maps 64 random bits to a number from 0 to below 1.
fn unit(number: u64) -> f64 {
    (number >> 11) as f64 * 2.0_f64.powi(-53)
}
