//! Compares steps of Adafactor with T5X and optax: see `scripts/generate_adafactor_reference.py`.

use std::fs;
use std::path::Path;

use burn::module::{Module, Param};
use burn::optim::{GradientsParams, ModuleOptimizer, Optimizer};
use burn::tensor::{Device, Tensor, TensorData};
use mtpt_train::{Adafactor, AdafactorConfig, OptimizerConfig};
use serde_json::{Value, json};

struct Reference(Value);

impl Reference {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/adafactor.json");
        Self(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
    }

    fn shape(&self, parameter: &str) -> Vec<usize> {
        serde_json::from_value(self.0["shapes"][parameter].clone()).unwrap()
    }

    /// Largest difference of a parameter from the reference after any recorded step.
    fn apart<const D: usize>(&self, case: &str, adafactor: &Adafactor, parameter: &str) -> f32 {
        let tensor = |values: &Value| {
            let data = TensorData::new(numbers(values), self.shape(parameter));
            Tensor::<D>::from_data(data, &Device::flex())
        };
        let mut value = tensor(&self.0["start"][parameter]);
        let mut state = None;
        let mut apart = 0.0_f32;
        let rates = self.0["rates"].as_array().unwrap();
        for (step, rate) in rates.iter().enumerate() {
            let gradient = tensor(&self.0["gradients"][parameter][step]);
            (value, state) = adafactor.step(rate.as_f64().unwrap(), value, gradient, state);
            let known = self.0["after"].as_array().unwrap();
            if let Some(place) = known.iter().position(|after| *after == step + 1) {
                let expected = &self.0["cases"][case]["parameters"][place][parameter];
                // T5X has no rule for three dimensions.
                if expected.is_null() {
                    assert_eq!(parameter, "cube", "{case}");
                    continue;
                }
                let found = value.clone().into_data().try_to_vec::<f32>().unwrap();
                let expected = numbers(expected);
                assert_eq!(found.len(), expected.len());
                for (found, expected) in found.into_iter().zip(expected) {
                    assert!(found.is_finite());
                    apart = apart.max((found - expected).abs());
                }
            }
        }
        assert_eq!(rates.len(), 24);
        apart
    }

    fn apart_in_all(&self, case: &str, config: &AdafactorConfig) -> f32 {
        let adafactor = Adafactor::new(config.clone());
        let vector = self.apart::<1>(case, &adafactor, "vector");
        let matrices = ["wide", "tall", "square"].map(|it| self.apart::<2>(case, &adafactor, it));
        let cube = self.apart::<3>(case, &adafactor, "cube");
        matrices.into_iter().chain([vector, cube]).fold(0.0, f32::max)
    }

    fn config(&self, case: &str) -> AdafactorConfig {
        let mut settings = self.0["cases"][case]["settings"].clone();
        let table = settings.as_object_mut().unwrap();
        table.insert("kind".into(), "adafactor".into());
        // Some references have no weight decay.
        table.entry("weight_decay").or_insert(json!(0.0));
        let unlimited = table.get("clipping_threshold").is_some_and(Value::is_null);
        let OptimizerConfig::Adafactor(mut config) = serde_json::from_value(settings).unwrap()
        else {
            panic!("another kind")
        };
        if unlimited {
            config.clipping_threshold = f32::INFINITY;
        }
        config
    }

    fn cases(&self) -> Vec<String> {
        self.0["cases"].as_object().unwrap().keys().cloned().collect()
    }
}

fn numbers(values: &Value) -> Vec<f32> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

/// Values reach 3, and each of 24 steps rounds by a few units in the last place of 0.3.
const BOUND: f32 = 1e-5;

#[test]
fn steps_match_t5x_and_optax() {
    let reference = Reference::read();
    let cases = reference.cases();
    assert_eq!(cases.len(), 17);
    for case in cases {
        let apart = reference.apart_in_all(&case, &reference.config(&case));
        assert!(apart < BOUND, "{case}: {apart}");
    }
}

/// Name of a case, and a change of its settings.
type Change = (&'static str, fn(&mut AdafactorConfig));

#[test]
fn every_setting_affects_the_reference() {
    let reference = Reference::read();
    let changes: [Change; 11] = [
        ("recipe", |config| config.weight_decay = 0.0),
        ("recipe", |config| config.decay_rate = 0.79),
        ("recipe", |config| config.steps_before = 1),
        ("factored", |config| config.factored = false),
        ("factored", |config| config.min_dim_size_to_factor = 4),
        ("parameter scale", |config| config.multiply_by_parameter_scale = false),
        ("parameter scale", |config| config.epsilon_2 = 0.01),
        ("momentum", |config| config.beta_1 = None),
        ("update clipped", |config| config.clipping_threshold = 0.26),
        ("weight decay by the rate", |config| config.weight_decay_rate_exponent = 0.9),
        ("a large epsilon", |config| config.epsilon_1 = 0.011),
    ];
    for (number, (case, change)) in changes.into_iter().enumerate() {
        let mut config = reference.config(case);
        change(&mut config);
        let apart = reference.apart_in_all(case, &config);
        assert!(apart > 5.0 * BOUND, "{case}, change {number}: {apart}");
    }
}

#[derive(Module, Debug)]
struct Parameters {
    vector: Param<Tensor<1>>,
    small: Param<Tensor<2>>,
    large: Param<Tensor<2>>,
}

fn parameters() -> Parameters {
    let device = Device::flex().autodiff();
    let numbers = |count: usize| (0..count).map(|number| (number as f32 * 0.7).sin());
    let matrix = |shape: [usize; 2]| {
        let data = TensorData::new(numbers(shape[0] * shape[1]).collect(), shape);
        Param::from_tensor(Tensor::from_data(data, &device))
    };
    Parameters {
        vector: Param::from_tensor(Tensor::from_data(
            TensorData::new(numbers(130).collect(), [130]),
            &device,
        )),
        small: matrix([127, 130]),
        large: matrix([128, 128]),
    }
}

fn step(optimizer: &mut ModuleOptimizer, parameters: Parameters, scale: f64) -> Parameters {
    // Derivatives of cubes, which differ between elements and between steps.
    let loss = parameters.vector.val().powi_scalar(3).sum()
        + parameters.small.val().powi_scalar(3).sum()
        + parameters.large.val().powi_scalar(3).sum();
    let gradients = GradientsParams::from_grads(loss.mul_scalar(scale).backward(), &parameters);
    optimizer.step(0.01, parameters, gradients)
}

fn bits(parameters: &Parameters) -> Vec<u32> {
    let vector = parameters.vector.val().inner().into_data();
    let matrices = [&parameters.small, &parameters.large].map(|it| it.val().inner().into_data());
    let all = [vector].into_iter().chain(matrices);
    all.flat_map(|data| data.try_to_vec::<f32>().unwrap()).map(f32::to_bits).collect()
}

#[test]
fn a_recorded_state_resumes_bit_for_bit() {
    for beta_1 in [None, Some(0.9)] {
        let config = AdafactorConfig { beta_1, ..AdafactorConfig::default() };
        let fresh = || ModuleOptimizer::from(Adafactor::new(config.clone()));
        let mut optimizer = fresh();
        let mut value = parameters();
        for scale in [1.0, 3.0, 0.2] {
            value = step(&mut optimizer, value, scale);
        }
        // From 128 by 128 on, the second moment is factored.
        let expected = 1 + 1 + 2 + if beta_1.is_some() { 3 } else { 0 };
        assert_eq!(optimizer.to_record().len(), expected);
        let mut resumed = fresh().from_bytes(optimizer.into_bytes().unwrap()).unwrap();
        let whole = step(&mut optimizer, value.clone(), 2.0);
        let whole = bits(&step(&mut optimizer, whole, 0.5));
        let parts = step(&mut resumed, value.clone(), 2.0);
        assert!(whole == bits(&step(&mut resumed, parts, 0.5)));
        // The state must matter for this comparison.
        let mut forgetful = fresh();
        let forgotten = step(&mut forgetful, value, 2.0);
        assert!(whole != bits(&step(&mut forgetful, forgotten, 0.5)));
    }
}
