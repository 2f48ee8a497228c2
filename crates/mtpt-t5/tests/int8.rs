//! Models with int8 weights: states, gradients, texts, loading and saving.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use mtpt_core::{StateGradients, vjp_by_autodiff};
use mtpt_t5::{Activation, Backbone, Inputs, T5, T5Config, WeightFormat};

use crate::fixtures::{VARIANTS, folder, load, message, padded, reference};

const PROMPT_LENGTH: usize = 3;

fn load_int8(name: &str) -> T5 {
    T5::load_as(&folder(name), WeightFormat::Int8, &Device::flex()).unwrap()
}

/// Returns the norm of the difference, relative to the norm of the expected values.
fn relative_error<const D: usize>(found: Tensor<D>, expected: Tensor<D>) -> f32 {
    let norm = |tensor: Tensor<D>| tensor.square().sum().sqrt().into_scalar::<f32>();
    norm(found - expected.clone()) / norm(expected)
}

/// Returns the values of all parameters.
fn values(model: &T5) -> Vec<(Vec<usize>, Vec<f32>)> {
    struct Collector(Vec<(Vec<usize>, Vec<f32>)>);
    impl ModuleVisitor for Collector {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = param.val().into_data();
            self.0.push((data.shape().to_vec(), data.try_into_vec().unwrap()));
        }
    }
    let mut collector = Collector(Vec::new());
    model.visit(&mut collector);
    collector.0
}

#[test]
fn weights_are_rounded_to_half_a_step() {
    for name in VARIANTS {
        let (exact, rounded) = (values(&load(name)), values(&load_int8(name)));
        assert_eq!(exact.len(), rounded.len(), "{name}");
        let mut changed = 0;
        for ((shape, exact), (found_shape, rounded)) in exact.iter().zip(&rounded) {
            assert_eq!(shape, found_shape, "{name}");
            changed += usize::from(exact != rounded);
            let columns = *shape.last().unwrap();
            for column in 0..columns {
                let pairs = || {
                    let exact = exact.iter().skip(column).step_by(columns);
                    exact.zip(rounded.iter().skip(column).step_by(columns))
                };
                let largest = pairs().map(|(exact, _)| exact.abs()).fold(0.0, f32::max);
                let error = pairs().map(|(exact, found)| (exact - found).abs()).fold(0.0, f32::max);
                assert!(error <= largest / 253.9, "{name}: {error} of {largest}");
            }
        }
        let config = load(name).config().clone();
        let feed_forward = if config.gated { 3 } else { 2 };
        let encoder = config.num_layers * (4 + feed_forward);
        let decoder = config.num_decoder_layers * (8 + feed_forward);
        assert_eq!(changed, encoder + decoder, "{name}");
    }
}

/// Returns ids of `[rows, length]`.
fn ids(rows: usize, length: usize) -> Tensor<2, Int> {
    let ids: Vec<i32> = (0..rows * length).map(|index| (index * 7 % 23 + 3) as i32).collect();
    Tensor::from_data(TensorData::new(ids, [rows, length]), &Device::flex())
}

#[test]
fn states_match_those_of_the_same_weights_in_f32() {
    for name in VARIANTS {
        let model = load_int8(name);
        let (inputs, mask) = padded(&reference(name).inputs, &Device::flex());
        let rows = mask.dims()[0];
        // With two targets the projections are absorbed, with thirty the keys are projected.
        for targets in [2, 30] {
            let inputs = || Inputs::new(model.embed(inputs.clone()), mask.clone());
            let rounded = model.vjp(inputs(), ids(rows, targets), PROMPT_LENGTH);
            // Autodiff multiplies by the values of the integers, and rounds nothing else.
            let exact = vjp_by_autodiff(&model, inputs(), ids(rows, targets), PROMPT_LENGTH);
            let error = relative_error(rounded.decoder_states, exact.decoder_states);
            // Activations of 16 values are rounded to 255 steps, an error near 0.3 % of their norm
            // in each layer. These models have random weights and scores near 100, so that softmax
            // amplifies the error from block to block, to 7 %; CPUs without VNNI have one bit less.
            assert!(error < 0.3, "{name}, {targets} targets: {error}");
            assert!(error > 1e-4, "{name}, {targets} targets: nothing was rounded");
        }
    }
}

#[test]
fn gradients_match_those_of_the_same_weights_in_f32() {
    let device = Device::flex();
    let (rows, length) = (4, 12);
    for (activation, gated) in
        [(Activation::Relu, false), (Activation::GeluTanh, true), (Activation::Silu, false)]
    {
        device.seed(7);
        let config = T5Config { activation, gated, ..T5Config::new(60, 64, 16, 128, 3, 4, 3) };
        let place = tempfile::tempdir().unwrap();
        config.init(&device).unwrap().save(place.path()).unwrap();
        let model = T5::load_as(place.path(), WeightFormat::Int8, &device).unwrap();
        for targets in [2, 30] {
            let mask = Tensor::<2>::ones([rows, length], &device).greater_elem(0.0);
            let inputs = || Inputs::new(model.embed(ids(rows, length)), mask.clone());
            let rounded = model.vjp(inputs(), ids(rows, targets), PROMPT_LENGTH);
            let exact = vjp_by_autodiff(&model, inputs(), ids(rows, targets), PROMPT_LENGTH);
            let decoder = exact.decoder_states.clone().inner().mul_scalar(3.0).sin();
            let gradients = || StateGradients { encoder: None, decoder: decoder.clone() };
            let found = rounded.pullback(gradients()).encoder;
            let error = relative_error(found, exact.pullback(gradients()).encoder);
            // Roundings in each layer of six blocks, forward and backward, add up to 1.5 % (silu)
            // to 5.5 % (relu, whose derivative jumps). CPUs without VNNI have one bit less.
            assert!(error < 0.15, "{activation:?}, {targets} targets: {error}");
            assert!(error > 1e-4, "{activation:?}, {targets} targets: nothing was rounded");
        }
    }
}

#[test]
fn results_do_not_depend_on_the_batch() {
    for name in VARIANTS {
        let model = load_int8(name);
        let rows = reference(name).inputs;
        let (ids, mask) = padded(&rows, &Device::flex());
        let together = model.generate(ids, mask, &Default::default()).unwrap();
        for (row, expected) in rows.iter().zip(together) {
            let (ids, mask) = padded(std::slice::from_ref(row), &Device::flex());
            assert_eq!(
                model.generate(ids, mask, &Default::default()).unwrap(),
                [expected],
                "{name}"
            );
        }
    }
}

#[test]
fn a_saved_model_has_the_values_of_the_integers() {
    for name in ["v1_0", "v1_1"] {
        let model = load_int8(name);
        let place = tempfile::tempdir().unwrap();
        model.save(place.path()).unwrap();
        let device = Device::flex();
        assert_eq!(values(&T5::load(place.path(), &device).unwrap()), values(&model), "{name}");
        // Values that are integers already are not rounded again.
        let again = T5::load_as(place.path(), WeightFormat::Int8, &device).unwrap();
        assert_eq!(values(&again), values(&model), "{name}");
    }
}

#[test]
fn mapping_and_freezing_leave_integers_unchanged() {
    let model = load_int8("v1_1");
    let expected = values(&model);
    let (count, exact) = (model.num_params(), load("v1_1").num_params());
    assert_eq!(count, exact);
    assert_eq!(values(&model.clone().freeze()), expected);
    assert_eq!(values(&model.valid()), expected);
    assert_eq!(values(&model.fork(&Device::flex())), expected);
}

#[test]
fn a_trainable_model_is_rejected() {
    let device = Device::flex().autodiff();
    let error = T5::load_as(&folder("v1_0"), WeightFormat::Int8, &device).unwrap_err();
    assert!(message(&error).contains("int8 weights can't be trained"), "{error}");
}
