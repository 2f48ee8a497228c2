//! The backward by hand is that of recorded operations.

use burn::module::Module;
use burn::tensor::{Bool, Device, Distribution, Int, Tensor, TensorData};
use mtpt_core::{Backbone, Reading, StateGradients, read_by_autodiff};
use mtpt_t5::{Activation, T5, T5Config};

const BATCH: usize = 3;
const LENGTH: usize = 13;
const LEARNED: usize = 5;

fn model(activation: Activation, gated: bool) -> T5 {
    let device = Device::flex();
    device.seed(11);
    let config = T5Config {
        activation,
        gated,
        // Large weights, so that no derivative is that of a nearly linear function.
        initializer_factor: 3.0,
        ..T5Config::new(60, 16, 4, 24, 3, 2, 5)
    };
    config.init(&device).unwrap().freeze()
}

/// Rows of different lengths, of which the longest is not padded.
fn mask() -> Tensor<2, Bool> {
    let stands = |row: usize| (0..LENGTH).map(move |position| position < LENGTH - 2 * row);
    let mask: Vec<bool> = (0..BATCH).flat_map(stands).collect();
    Tensor::from_data(TensorData::new(mask, [BATCH, LENGTH]), &Device::flex())
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex())
}

/// Zero where there is padding: what stands there is nobody's, and has no gradient.
fn of_tokens(gradient: Tensor<3>) -> Tensor<3> {
    let [_, _, width] = gradient.dims();
    let padding = mask().bool_not().unsqueeze_dim::<3>(2).expand([BATCH, LENGTH, width]);
    gradient.mask_fill(padding, 0.0)
}

fn assert_close(found: Tensor<3>, expected: Tensor<3>, what: &str) {
    let largest = expected.clone().abs().max().into_scalar::<f32>();
    let difference = (found - expected).abs().max().into_scalar::<f32>();
    // Single precision, in another order: the large weights of three blocks make of a rounding of 6e-8 some 3e-5.
    assert!(difference <= 1e-4 * largest, "{what}: {difference} of {largest}");
    assert!(largest > 1e-3, "{what}: nothing to compare");
}

fn check(model: &T5, targets: usize, with_encoder: bool) {
    let embeddings = random([BATCH, LENGTH, 16]);
    let ids: Vec<i32> = (0..BATCH * targets).map(|place| (place * 7 % 60) as i32).collect();
    let ids = TensorData::new(ids, [BATCH, targets]);
    let ids = Tensor::<2, Int>::from_data(ids, &Device::flex());
    let by_hand = model.read(embeddings.clone(), mask(), ids.clone(), LEARNED);
    let recorded = read_by_autodiff(model, embeddings, mask(), ids, LEARNED);
    assert_close(by_hand.decoder.clone(), recorded.decoder.clone(), "decoder");
    let states = |reading: &Reading| of_tokens(reading.encoder.clone());
    assert_close(states(&by_hand), states(&recorded), "encoder");
    let gradients = StateGradients {
        encoder: with_encoder.then(|| of_tokens(random([BATCH, LENGTH, 16]))),
        decoder: random([BATCH, targets, 16]),
    };
    let gradient = by_hand.back(gradients.clone());
    assert_eq!(gradient.dims(), [BATCH, LEARNED, 16]);
    assert_close(gradient, recorded.back(gradients), "gradient");
}

#[test]
fn of_every_activation_and_of_few_and_many_targets() {
    for (activation, gated) in [
        (Activation::Relu, false),
        (Activation::Relu, true),
        (Activation::Gelu, false),
        (Activation::GeluTanh, true),
        (Activation::Silu, true),
        (Activation::Silu, false),
    ] {
        let model = model(activation, gated);
        // With two targets a row the products with the encoded tokens are taken in another order than with many.
        for targets in [2, 30] {
            check(&model, targets, true);
            check(&model, targets, false);
        }
    }
}
