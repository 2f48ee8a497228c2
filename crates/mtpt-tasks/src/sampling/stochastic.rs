use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::out_of_range::OutOfRange;
use crate::sampling::permutation::{below, hash};

/// Batches of a few tasks each, as multitask prompt tuning was trained (Wang et al. 2023, section
/// 3.3, "stochastic task sampling"; `XYaoooo/DPT`, `data_utils.py`).
///
/// For each batch a number of tasks is drawn evenly from 2 to `most_tasks`, then so many tasks by
/// their rates. Each gets the same number of the batch's rows, and one of them, drawn evenly, those
/// that are left over. In TOML: `mixture = { stochastic = { most_tasks = 6 } }`.
///
/// | Key | Default | Purpose | Range |
/// |---|---|---|---|
/// | `most_tasks` | | most tasks of a batch | from 2 to the rows of a batch |
/// | `replacement` | `true` | whether a task can be drawn more than once for a batch, and so get more of its rows | |
///
/// Without replacement a batch has no more tasks than there are, and small tasks come more often
/// than their rates say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StochasticTasks {
    /// Most tasks of a batch, at least 2 and at most the rows of a batch.
    pub most_tasks: usize,
    /// Whether a task can be drawn more than once for a batch.
    #[serde(default = "yes")]
    pub replacement: bool,
}

fn yes() -> bool {
    true
}

impl StochasticTasks {
    /// Up to so many tasks, drawn with replacement.
    pub fn new(most_tasks: usize) -> Self {
        Self { most_tasks, replacement: true }
    }

    /// Whether batches of so many rows have a row for each task that may be drawn.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`] for `most_tasks`.
    pub fn check_batch_size(&self, batch_size: usize) -> Result<()> {
        if self.most_tasks <= batch_size {
            return Ok(());
        }
        let (option, expected) = ("most_tasks", "to be at most `batch_size`");
        Err(OutOfRange { option, expected, found: self.most_tasks as f64 }.into())
    }
}

/// Steps between two of which the draws before are remembered.
const REMEMBERED: u64 = 64;
/// Steps whose tasks are counted to tell rates that no formula does.
const COUNTED: u64 = 4_096;

/// The tasks of each batch.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    config: StochasticTasks,
    /// Sum of the weights up to each task.
    sums: Vec<f64>,
    seed: u64,
    /// Rows drawn of each task before every so many steps. It changes how long an answer takes, not
    /// the answer.
    before: Arc<Mutex<Before>>,
}

#[derive(Debug, Default)]
struct Before {
    /// Rows of a batch.
    rows: usize,
    draws: Vec<Vec<u64>>,
}

impl Draws {
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
        Ok(Self { config, sums: sums.collect(), seed, before: Arc::default() })
    }

    /// The tasks of a step's batch and how many rows each has; a task that was drawn twice comes
    /// twice. There are never more draws than rows, whatever the configuration says.
    pub(crate) fn tasks(&self, step: u64, rows: usize) -> Vec<(usize, usize)> {
        let seed = hash(self.seed, [step]);
        let count = self.sums.len();
        let most = match self.config.replacement {
            true => self.config.most_tasks,
            false => self.config.most_tasks.min(count),
        };
        let most = most.min(rows);
        // There may be but one task to draw, or one row.
        let number = if most < 2 { 1 } else { 2 + below(hash(seed, [0]), most - 1) };
        let mut drawn: Vec<(usize, usize)> = Vec::with_capacity(number);
        for draw in 0..number {
            let chance = unit(hash(seed, [1, draw as u64]));
            let task = if self.config.replacement {
                let total = self.sums[count - 1];
                self.sums.partition_point(|&sum| sum <= chance * total).min(count - 1)
            } else {
                self.among_others(&drawn, chance)
            };
            drawn.push((task, rows / number));
        }
        drawn[below(hash(seed, [2]), number)].1 += rows % number;
        drawn
    }

    /// A task by its weight, of those that were not drawn yet.
    fn among_others(&self, drawn: &[(usize, usize)], chance: f64) -> usize {
        let weight =
            |task: usize| self.sums[task] - if task == 0 { 0.0 } else { self.sums[task - 1] };
        let left =
            || (0..self.sums.len()).filter(|task| drawn.iter().all(|(other, _)| other != task));
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

    /// How many rows of each task stand in the batches before a step's.
    pub(crate) fn before(&self, step: u64, rows: usize) -> Vec<u64> {
        // Whoever panicked in the middle left whole lists of counts at least.
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if before.rows != rows || before.draws.is_empty() {
            *before = Before { rows, draws: vec![vec![0; self.sums.len()]] };
        }
        let mark = (step / REMEMBERED) as usize;
        while before.draws.len() <= mark {
            let known = before.draws.len() - 1;
            let start = known as u64 * REMEMBERED;
            let next = self.count(before.draws[known].clone(), start..start + REMEMBERED, rows);
            before.draws.push(next);
        }
        let known = before.draws[mark].clone();
        drop(before);
        self.count(known, mark as u64 * REMEMBERED..step, rows)
    }

    fn count(&self, mut draws: Vec<u64>, steps: std::ops::Range<u64>, rows: usize) -> Vec<u64> {
        for step in steps {
            for (task, rows) in self.tasks(step, rows) {
                draws[task] += rows as u64;
            }
        }
        draws
    }

    /// Share of each task in the rows of batches: with replacement its rate, without it, the share
    /// in the first 4,096 batches that leave no row over and have a row for each draw.
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
        for step in 0..COUNTED {
            let drawn = self.tasks(step, usize::MAX);
            for (task, _) in &drawn {
                shares[*task] += 1.0 / (drawn.len() as f64 * COUNTED as f64);
            }
        }
        shares
    }
}

/// A number made of 64 random bits into one from 0 to below 1.
fn unit(number: u64) -> f64 {
    (number >> 11) as f64 * 2.0_f64.powi(-53)
}
