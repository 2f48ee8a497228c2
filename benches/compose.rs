//! Composing the prompts of a batch: by strategy, rank, and number of tasks in the batch and in the
//! composition.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mtpt::burn::tensor::{Device, Tensor};
use mtpt::compose::{Composition, CompositionConfig, InitContext, LowRankConfig, Tree};
use mtpt::core::{Compose, TaskIndex};

const LENGTH: usize = 100;
const D_MODEL: usize = 512;
const ROWS: usize = 32;

fn composition(config: &CompositionConfig, task_count: usize) -> Composition {
    let zeros = |length| Tensor::zeros([length, D_MODEL], &Device::flex());
    let start = InitContext {
        shared: zeros(LENGTH),
        tree: Tree::flat(task_count),
        part: &|_, length| Ok(zeros(length)),
        seed: 0,
        device: Device::flex().autodiff(),
    };
    config.init(&start).expect("the configuration is in range")
}

fn rows(task_count: usize) -> Vec<TaskIndex> {
    (0..ROWS).map(|row| TaskIndex::new(row % task_count)).collect()
}

/// Forward and backward: what a step of training pays.
fn step(composition: &Composition, rows: &[TaskIndex]) {
    let gradients = composition.compose_rows(rows).sum().backward();
    std::hint::black_box(gradients);
}

fn by_strategy(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compose/strategy");
    for config in CompositionConfig::catalogue() {
        let composition = composition(&config, 8);
        group.bench_function(config.name(), |bench| bench.iter(|| step(&composition, &rows(8))));
    }
    group.finish();
}

fn by_rank(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compose/rank");
    for rank in [1, 4, 16] {
        let config = CompositionConfig::LowRank(LowRankConfig { rank });
        let composition = composition(&config, 8);
        group.bench_with_input(BenchmarkId::from_parameter(rank), &rank, |bench, _| {
            bench.iter(|| step(&composition, &rows(8)));
        });
    }
    group.finish();
}

fn by_tasks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compose/tasks");
    for tasks in [1_usize, 8, 32] {
        let composition = composition(&CompositionConfig::default(), 32);
        group.bench_with_input(BenchmarkId::from_parameter(tasks), &tasks, |bench, &tasks| {
            bench.iter(|| step(&composition, &rows(tasks)));
        });
    }
    group.finish();
}

/// Returns rows of different tasks, as far as there are enough, spread over the composition.
fn by_tasks_held(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compose/held");
    for tasks in [1_usize, 32, 100, 10_000] {
        let composition = composition(&CompositionConfig::default(), tasks);
        let spread: Vec<TaskIndex> =
            (0..ROWS).map(|row| TaskIndex::new(row * tasks / ROWS)).collect();
        group.bench_with_input(BenchmarkId::from_parameter(tasks), &tasks, |bench, _| {
            bench.iter(|| step(&composition, &spread));
        });
    }
    group.finish();
}

criterion_group!(benches, by_strategy, by_rank, by_tasks, by_tasks_held);
criterion_main!(benches);
