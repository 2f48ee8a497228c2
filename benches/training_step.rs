//! A step of training a prompt for each of eight tasks on a frozen T5-small: by the rows' lengths.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mtpt::burn::tensor::{Device, Tensor};
use mtpt::compose::{Composition, CompositionConfig, Start, Tree};
use mtpt::core::Frozen;
use mtpt::t5::{T5, T5Config};
use mtpt::tasks::{Padding, TaskId, TokenBatch, TokenizedExample};
use mtpt::train::{Decay, OptimizerConfig, PromptTuning, Schedule, Trainer};

const TASKS: usize = 8;
const PROMPT: usize = 100;
const D_MODEL: usize = 512;

fn model() -> Frozen<T5> {
    let config = T5Config::new(32_128, D_MODEL, 64, 2_048, 6, 6, 8);
    Frozen::new(config.init(&Device::flex()).expect("the configuration is in range"))
}

fn trainer() -> Trainer<Composition> {
    let ones = |length| Tensor::ones([length, D_MODEL], &Device::flex());
    let start = Start {
        shared: ones(PROMPT),
        tree: Tree::flat(TASKS),
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
        (0..TASKS).map(name).collect(),
    )
}

fn batch(lengths: &[usize]) -> TokenBatch {
    let rows: Vec<TokenizedExample> = (0..)
        .zip(lengths)
        .map(|(row, &length)| TokenizedExample {
            task: row % TASKS as u32,
            input_ids: (0..length as u32)
                .map(|place| 2 + (row * 977 + place * 31) % 32_000)
                .collect(),
            target_ids: vec![2 + row, 1],
            label: None,
            gold: None,
        })
        .collect();
    TokenBatch::new(&rows, Padding { id: 0, multiple: 1 }).expect("there are rows")
}

fn by_lengths(criterion: &mut Criterion) {
    let model = model();
    let mut group = criterion.benchmark_group("training_step");
    group.sample_size(10);
    let even = vec![32; 8];
    // As many tokens, half of them in one row.
    let uneven = [vec![18; 7], vec![130]].concat();
    for (name, lengths) in [("even", even), ("uneven", uneven)] {
        let mut trainer = trainer();
        let batch = [batch(&lengths)];
        group.throughput(Throughput::Elements(lengths.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bench| {
            bench.iter(|| trainer.step(&PromptTuning::new(model.get()), &batch).expect("a step"));
        });
    }
    group.finish();
}

criterion_group!(benches, by_lengths);
criterion_main!(benches);
