//! A training step of prompts for a frozen T5-small: by length and by number of tasks.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mtpt::burn::tensor::{Device, Tensor};
use mtpt::compose::{Composition, CompositionConfig, InitContext, Tree};
use mtpt::core::Frozen;
use mtpt::t5::{T5, T5Config};
use mtpt::tasks::{Batch, TaskId, TokenizedExample};
use mtpt::train::{Decay, OptimizerConfig, PromptTuning, Schedule, Trainer};

const PROMPT: usize = 100;
const D_MODEL: usize = 512;

fn model() -> Frozen<T5> {
    let config = T5Config::new(32_128, D_MODEL, 64, 2_048, 6, 6, 8);
    Frozen::new(config.init(&Device::flex()).expect("the configuration is in range"))
}

fn trainer(tasks: usize) -> Trainer<Composition> {
    let ones = |length| Tensor::ones([length, D_MODEL], &Device::flex());
    let start = InitContext {
        shared: ones(PROMPT),
        tree: Tree::flat(tasks),
        part: &|_, length| Ok(ones(length)),
        seed: 0,
        device: Device::flex().autodiff(),
    };
    let composition = CompositionConfig::default().init(&start);
    let schedule =
        Schedule { peak: 0.1, warmup_steps: 0, steps: usize::MAX, decay: Decay::Constant };
    let name = |task| TaskId::new(&format!("task{task}")).expect("a name");
    Trainer::new(
        composition.expect("the configuration is in range"),
        &OptimizerConfig::default(),
        schedule,
        (0..tasks).map(name).collect(),
    )
}

/// Rows of different tasks, as far as there are so many.
fn batch(lengths: &[usize], tasks: usize) -> Batch {
    let rows: Vec<TokenizedExample> = (0..)
        .zip(lengths)
        .map(|(row, &length)| TokenizedExample {
            task: row as usize * tasks / lengths.len(),
            input_ids: (0..length as u32)
                .map(|place| 2 + (row * 977 + place * 31) % 32_000)
                .collect(),
            target_ids: vec![2 + row, 1],
            label: None,
            gold: None,
        })
        .collect();
    Batch::of_examples(&rows).expect("there are rows")
}

fn by_lengths(criterion: &mut Criterion) {
    let model = model();
    let mut group = criterion.benchmark_group("training_step");
    group.sample_size(10);
    let even = vec![32; 8];
    // As many tokens, half of them in one row.
    let uneven = [vec![18; 7], vec![130]].concat();
    for (name, lengths) in [("even", even), ("uneven", uneven)] {
        let mut trainer = trainer(8);
        let batch = [batch(&lengths, 8)];
        group.throughput(Throughput::Elements(lengths.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bench| {
            bench.iter(|| trainer.step(&PromptTuning::new(&model), &batch).expect("a step"));
        });
    }
    group.finish();
}

fn by_tasks(criterion: &mut Criterion) {
    let model = model();
    let mut group = criterion.benchmark_group("training_step/tasks");
    group.sample_size(10);
    for tasks in [1, 8, 100, 10_000] {
        let mut trainer = trainer(tasks);
        let batch = [batch(&[32; 8], tasks)];
        group.bench_function(BenchmarkId::from_parameter(tasks), |bench| {
            bench.iter(|| trainer.step(&PromptTuning::new(&model), &batch).expect("a step"));
        });
    }
    group.finish();
}

criterion_group!(benches, by_lengths, by_tasks);
criterion_main!(benches);
