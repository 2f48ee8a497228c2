//! The backward by hand is that of recorded operations.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_core::{Backbone, StateGradients, Vjp, vjp_by_autodiff};
use mtpt_t5::{Activation, T5, T5Config};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const BATCH: usize = 3;
const LENGTH: usize = 13;
const LEARNED: usize = 5;

/// Numbers that are drawn, the same ones in each run of the tests: those of a device depend on what else is drawn.
struct Drawn(ChaCha8Rng);

impl Drawn {
    fn tensor<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let count = shape.iter().product();
        // The sum of four, so that most are small.
        let number = |_| (0..4).map(|_| self.0.random_range(-1.0..1.0_f32)).sum::<f32>();
        let numbers: Vec<f32> = (0..count).map(number).collect();
        Tensor::from_data(TensorData::new(numbers, shape), &Device::flex())
    }
}

impl ModuleMapper for Drawn {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let drawn = self.tensor(param.dims());
        // Norms about 1; matrices so that what goes in comes out as large.
        Param::from_tensor(if D == 1 {
            drawn.mul_scalar(0.3).add_scalar(1.0)
        } else {
            drawn.mul_scalar(0.25)
        })
    }
}

fn model(activation: Activation, gated: bool, drawn: &mut Drawn) -> T5 {
    let config = T5Config { activation, gated, ..T5Config::new(60, 16, 4, 24, 3, 2, 5) };
    config.init(&Device::flex()).unwrap().map(drawn).freeze()
}

/// Rows of different lengths, of which the longest is not padded.
fn mask() -> Tensor<2, Bool> {
    let stands = |row: usize| (0..LENGTH).map(move |position| position < LENGTH - 2 * row);
    let mask: Vec<bool> = (0..BATCH).flat_map(stands).collect();
    Tensor::from_data(TensorData::new(mask, [BATCH, LENGTH]), &Device::flex())
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
    // Single precision, through three blocks, in another order.
    assert!(difference <= 2e-5 * largest, "{what}: {difference} of {largest}");
    assert!(largest > 1e-3, "{what}: nothing to compare");
}

fn check(model: &T5, targets: usize, with_encoder: bool, drawn: &mut Drawn) {
    let embeddings = drawn.tensor([BATCH, LENGTH, 16]);
    let ids: Vec<i32> = (0..BATCH * targets).map(|place| (place * 7 % 60) as i32).collect();
    let ids = TensorData::new(ids, [BATCH, targets]);
    let ids = Tensor::<2, Int>::from_data(ids, &Device::flex());
    let by_hand = model.vjp(embeddings.clone(), mask(), ids.clone(), LEARNED);
    let recorded = vjp_by_autodiff(model, embeddings, mask(), ids, LEARNED);
    assert_close(by_hand.decoder_states.clone(), recorded.decoder_states.clone(), "decoder");
    let states = |vjp: &Vjp| of_tokens(vjp.encoder_states.clone());
    assert_close(states(&by_hand), states(&recorded), "encoder");
    let gradients = StateGradients {
        encoder: with_encoder.then(|| of_tokens(drawn.tensor([BATCH, LENGTH, 16]))),
        decoder: drawn.tensor([BATCH, targets, 16]),
    };
    let gradient = by_hand.pullback(gradients.clone());
    assert_eq!(gradient.dims(), [BATCH, LEARNED, 16]);
    assert_close(gradient, recorded.pullback(gradients), "gradient");
}

#[test]
fn of_every_activation_and_of_few_and_many_targets() {
    let mut drawn = Drawn(ChaCha8Rng::seed_from_u64(11));
    for (activation, gated) in [
        (Activation::Relu, false),
        (Activation::Relu, true),
        (Activation::Gelu, false),
        (Activation::GeluTanh, true),
        (Activation::Silu, true),
        (Activation::Silu, false),
    ] {
        let model = model(activation, gated, &mut drawn);
        // With two targets a row the products with the encoded tokens are taken in another order than with many.
        for targets in [2, 30] {
            check(&model, targets, true, &mut drawn);
            check(&model, targets, false, &mut drawn);
        }
    }
}
