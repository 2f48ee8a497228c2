//! The encoder of a T5-small on a batch, by length: forward pass, and gradient of the input through
//! the frozen model.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mtpt::burn::tensor::{Bool, Device, Distribution, Tensor};
use mtpt::core::{Backbone, Frozen};
use mtpt::t5::{T5, T5Config};

const ROWS: usize = 4;
const D_MODEL: usize = 512;

/// T5-small with a small vocabulary, which doesn't affect the encoder.
fn model() -> Frozen<T5> {
    let config = T5Config::new(64, D_MODEL, 64, 2_048, 6, 6, 8);
    Frozen::new(config.init(&Device::flex()).expect("the configuration is in range"))
}

fn inputs(length: usize) -> (Tensor<3>, Tensor<2, Bool>) {
    let device = Device::flex();
    let embeddings =
        Tensor::random([ROWS, length, D_MODEL], Distribution::Normal(0.0, 1.0), &device);
    (embeddings, Tensor::full([ROWS, length], true, &device))
}

fn by_length(criterion: &mut Criterion) {
    let model = model();
    let mut group = criterion.benchmark_group("encoder");
    group.sample_size(10);
    for length in [32, 128, 512] {
        group.throughput(Throughput::Elements((ROWS * length) as u64));
        let (embeddings, mask) = inputs(length);
        group.bench_function(BenchmarkId::new("forward", length), |bench| {
            bench.iter(|| model.encode(embeddings.clone(), mask.clone()).into_data());
        });
        let tracked = Tensor::from_data(embeddings.into_data(), &Device::flex().autodiff());
        let tracked = tracked.require_grad();
        group.bench_function(BenchmarkId::new("backward", length), |bench| {
            bench.iter(|| {
                let encoded = model.encode(tracked.clone(), mask.clone());
                tracked.grad(&encoded.sum().backward()).map(Tensor::into_data)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, by_length);
criterion_main!(benches);
