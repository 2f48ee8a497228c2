//! The hand-written backward pass matches autodiff, and its forward pass is the evaluation's.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Bool, DType, Device, FloatDType, Int, Tensor, TensorData};
use mtpt_core::{Backbone, Encoded, Inputs, StateGradients, Vjp, vjp_by_autodiff};
use mtpt_t5::{Activation, Family, LongAttention, T5, T5Config, WeightFormat};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::fixtures::folder;

const BATCH: usize = 3;
const LENGTH: usize = 13;
const PROMPT_LENGTH: usize = 5;

/// Random values, the same in each test run. A device's generator is shared between tests.
struct Random(ChaCha8Rng);

impl Random {
    fn tensor<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let count = shape.iter().product();
        // The sum of four, so that most are small.
        let number = |_| (0..4).map(|_| self.0.random_range(-1.0..1.0_f32)).sum::<f32>();
        let numbers: Vec<f32> = (0..count).map(number).collect();
        Tensor::from_data(TensorData::new(numbers, shape), &Device::flex())
    }
}

impl ModuleMapper for Random {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let random = self.tensor(param.dims());
        // Norms of about 1, and matrices that preserve the size of their inputs.
        Param::from_tensor(if D == 1 {
            random.mul_scalar(0.3).add_scalar(1.0)
        } else {
            random.mul_scalar(0.25)
        })
    }
}

fn model(activation: Activation, gated: bool, random: &mut Random) -> T5 {
    let config = T5Config { activation, gated, ..T5Config::new(60, 16, 4, 24, 3, 2, 5) };
    config.init(&Device::flex()).unwrap().map(random).freeze()
}

/// Rows of different lengths. The longest is not padded.
fn mask() -> Tensor<2, Bool> {
    let is_token = |row: usize| (0..LENGTH).map(move |position| position < LENGTH - 2 * row);
    let mask: Vec<bool> = (0..BATCH).flat_map(is_token).collect();
    Tensor::from_data(TensorData::new(mask, [BATCH, LENGTH]), &Device::flex())
}

/// Sets the padding, which is unspecified and has no gradient, to zero.
fn of_tokens(gradient: Tensor<3>) -> Tensor<3> {
    let [_, _, width] = gradient.dims();
    let padding = mask().bool_not().unsqueeze_dim::<3>(2).expand([BATCH, LENGTH, width]);
    gradient.mask_fill(padding, 0.0)
}

fn assert_close(found: Tensor<3>, expected: Tensor<3>, what: &str) {
    let largest = expected.clone().abs().max().into_scalar::<f32>();
    let difference = (found - expected).abs().max().into_scalar::<f32>();
    // f32 sums in a different order, through three blocks.
    assert!(difference <= 2e-5 * largest, "{what}: {difference} of {largest}");
    assert!(largest > 1e-3, "{what}: nothing to compare");
}

fn check(model: &T5, targets: usize, decoder_length: usize, random: &mut Random) {
    check_with(model, targets, decoder_length, false, random);
    check_with(model, targets, decoder_length, true, random);
}

fn check_with(
    model: &T5,
    targets: usize,
    decoder_length: usize,
    with_encoder: bool,
    random: &mut Random,
) {
    let prompt = random.tensor([BATCH, decoder_length.max(1), 16]);
    let inputs = Inputs {
        embeddings: random.tensor([BATCH, LENGTH, 16]),
        mask: mask(),
        decoder_prompt: (decoder_length > 0).then_some(prompt),
    };
    let ids: Vec<i32> = (0..BATCH * targets).map(|index| (index * 7 % 60) as i32).collect();
    let ids = TensorData::new(ids, [BATCH, targets]);
    let ids = Tensor::<2, Int>::from_data(ids, &Device::flex());
    let hand_written = model.vjp(inputs.clone(), ids.clone(), PROMPT_LENGTH);
    let by_autodiff = vjp_by_autodiff(model, inputs, ids, PROMPT_LENGTH);
    assert_close(
        hand_written.decoder_states.clone(),
        by_autodiff.decoder_states.clone(),
        "decoder",
    );
    let states = |vjp: &Vjp| of_tokens(vjp.encoder_states.clone());
    assert_close(states(&hand_written), states(&by_autodiff), "encoder");
    let gradients = StateGradients {
        encoder: with_encoder.then(|| of_tokens(random.tensor([BATCH, LENGTH, 16]))),
        decoder: random.tensor([BATCH, targets, 16]),
    };
    assert_eq!(hand_written.decoder_states.dims(), [BATCH, targets, 16]);
    let found = hand_written.pullback(gradients.clone());
    let expected = by_autodiff.pullback(gradients);
    assert_eq!(found.encoder.dims(), [BATCH, PROMPT_LENGTH, 16]);
    assert_close(found.encoder, expected.encoder, "gradient");
    assert_eq!(found.decoder.is_some(), decoder_length > 0);
    if let (Some(found), Some(expected)) = (found.decoder, expected.decoder) {
        assert_eq!(found.dims(), [BATCH, decoder_length, 16]);
        assert_close(found, expected, "gradient of the decoder's prompt");
    }
}

#[test]
fn matches_autodiff_for_every_activation_and_cross_attention_mode() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(11));
    for (activation, gated) in [
        (Activation::Relu, false),
        (Activation::Relu, true),
        (Activation::Gelu, false),
        (Activation::GeluTanh, true),
        (Activation::Silu, true),
        (Activation::Silu, false),
    ] {
        let model = model(activation, gated, &mut random);
        // With two targets the projections are absorbed, with thirty the keys are projected.
        for targets in [2, 30] {
            for decoder_length in [0, 1, 4] {
                check(&model, targets, decoder_length, &mut random);
            }
        }
    }
}

#[test]
fn matches_autodiff_for_every_family() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(12));
    let long = |local_radius, global_block_size| {
        Family::LongT5(LongAttention { local_radius, global_block_size })
    };
    for family in [
        Family::Umt5,
        // Several blocks, one block whose positions don't all attend to each other, and one that is
        // shorter than the radius.
        long(1, None),
        long(2, None),
        long(5, None),
        long(20, None),
        // Summaries of which the shortest row has less.
        long(2, Some(3)),
        long(3, Some(1)),
        long(20, Some(4)),
        // No row is as long as a block.
        long(2, Some(16)),
    ] {
        let config = T5Config { family, ..T5Config::new(60, 16, 4, 24, 3, 2, 5) };
        let model = config.init(&Device::flex()).unwrap().map(&mut random).freeze();
        for (targets, decoder_length) in [(2, 0), (30, 3)] {
            check(&model, targets, decoder_length, &mut random);
        }
    }
}

fn values(tensor: Tensor<3>) -> Vec<f32> {
    tensor.cast(DType::F32).try_into_vec_as().unwrap()
}

#[test]
fn forward_pass_is_the_evaluations_in_every_precision() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(5));
    let device = Device::flex();
    for name in ["v1_0", "v1_1", "family/umt5", "family/longt5_local", "family/longt5_global"] {
        // Values above 255, whose squares overflow in f16.
        let embeddings = random.tensor::<3>([BATCH, LENGTH, 16]).mul_scalar(400.0);
        let [exact, half, brain] = [
            (FloatDType::F32, WeightFormat::F32),
            (FloatDType::F16, WeightFormat::F16),
            (FloatDType::BF16, WeightFormat::Bf16),
        ]
        .map(|(dtype, format)| (dtype, T5::load_as(&folder(name), format, &device).unwrap()))
        .map(|(dtype, model)| {
            // Two targets with absorbed projections, thirty with projected keys.
            let gradients = [2, 30].map(|targets| {
                let embeddings = embeddings.clone().cast(dtype);
                let ids = Tensor::<2, Int>::full([BATCH, targets], 3, &device);
                let inputs = Inputs::new(embeddings, mask());
                let vjp = model.vjp(inputs.clone(), ids.clone(), PROMPT_LENGTH);
                let Encoded { states: encoded, .. } = model.encode_inputs(inputs.clone());
                let decoded = model.decode(ids, model.encode_inputs(inputs));
                assert_eq!(decoded.dtype(), DType::from(dtype));
                let decoded = values(decoded);
                assert!(decoded.iter().all(|value| value.is_finite()), "{name}, {dtype:?}");
                assert_eq!(values(vjp.encoder_states.clone()), values(encoded), "{name}");
                assert_eq!(values(vjp.decoder_states.clone()), decoded, "{name}");
                let decoder = vjp.decoder_states.ones_like();
                values(vjp.pullback(StateGradients { encoder: None, decoder }).encoder)
            });
            gradients.concat()
        });
        let largest = exact.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        // Three and two decimal digits in f16 and bf16, through four blocks.
        for (found, tolerance) in [(half, 0.05), (brain, 0.3)] {
            for (found, expected) in found.iter().zip(&exact) {
                let difference = (found - expected).abs();
                assert!(difference <= tolerance * largest, "{name}: {found}, {expected}");
            }
        }
    }
}
