//! Loading: the prompts of 10,000 tasks from one file, and a T5-small.

use criterion::{Criterion, criterion_group, criterion_main};
use mtpt::burn::tensor::{Device, Tensor};
use mtpt::compose::{CompositionConfig, InitContext, Tree};
use mtpt::infer::{PromptHeader, PromptTask, Prompts};
use mtpt::t5::{T5, T5Config};
use mtpt::tasks::TaskId;

const TASKS: usize = 10_000;
const PROMPT: usize = 100;
const D_MODEL: usize = 512;

fn prompts() -> Prompts {
    let ones = |length| Tensor::ones([length, D_MODEL], &Device::flex());
    let start = InitContext {
        shared: ones(PROMPT),
        tree: Tree::flat(TASKS),
        part: &|_, length| Ok(ones(length)),
        seed: 0,
        device: Device::flex(),
    };
    let config = CompositionConfig::default();
    let composition = config.init(&start).expect("the configuration is in range");
    let task = |number| PromptTask {
        name: TaskId::new(&format!("task{number}")).expect("a name"),
        template: None,
        labels: None,
    };
    let tasks = (0..TASKS).map(task).collect();
    Prompts::new(composition, PromptHeader::new(config, PROMPT, D_MODEL, tasks))
}

fn prompt_file(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("prompts.safetensors");
    prompts().write(&path).expect("the file is written");
    let mut group = criterion.benchmark_group("loading");
    group.sample_size(10);
    group.bench_function("prompts_of_10000_tasks", |bench| {
        bench.iter(|| Prompts::read(&path, &Device::flex()).expect("the file is read"));
    });
    group.finish();
}

fn model(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    let config = T5Config::new(32_128, D_MODEL, 64, 2_048, 6, 6, 8);
    let model = config.init(&Device::flex()).expect("the configuration is in range");
    model.save(&path).expect("the folder is written");
    let mut group = criterion.benchmark_group("loading");
    group.sample_size(10);
    group.bench_function("t5_small", |bench| {
        bench.iter(|| T5::load(&path, &Device::flex()).expect("the folder is read"));
    });
    group.finish();
}

criterion_group!(benches, prompt_file, model);
criterion_main!(benches);
