//! Sampling of the rows of a batch, and their padding and upload: no model.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mtpt::burn::tensor::Device;
use mtpt::infer::{DeviceBatch, Padding};
use mtpt::tasks::{Mixture, MixtureConfig, Pick, Rates, TokenizedExample};

const ROWS: usize = 32;

fn mixture(tasks: usize, rates: Rates) -> Mixture {
    // From a few hundred rows to tens of thousands, as tasks have.
    let sizes: Vec<usize> = (0..tasks).map(|task| 300 << (task % 8)).collect();
    let config = MixtureConfig { rates, ..MixtureConfig::default() };
    Mixture::new(&config, &sizes, 0).expect("the configuration is in range")
}

fn picks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sampling/picks");
    group.throughput(Throughput::Elements(ROWS as u64));
    for tasks in [1, 8, 100, 10_000] {
        let mixture = mixture(tasks, Rates::Uniform);
        let mut step = 0;
        group.bench_with_input(BenchmarkId::from_parameter(tasks), &tasks, |bench, _| {
            bench.iter(|| {
                step += 1;
                mixture.batch(step, ROWS)
            });
        });
    }
    group.finish();
}

fn batches(criterion: &mut Criterion) {
    let mixture = mixture(8, Rates::default());
    let row = |pick: Pick| TokenizedExample {
        task: pick.task,
        input_ids: vec![5; 8 + pick.row % 120],
        target_ids: vec![6, 1],
        label: None,
        gold: None,
    };
    let rows: Vec<TokenizedExample> = mixture.batch(0, ROWS).into_iter().map(row).collect();
    let mut group = criterion.benchmark_group("sampling/batch");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("pad", |bench| {
        bench.iter(|| {
            DeviceBatch::upload(&rows, Padding { id: 0, multiple: 1 }, 0, &Device::flex())
        });
    });
    group.finish();
}

criterion_group!(benches, picks, batches);
criterion_main!(benches);
