//! Compares prompts and gradients of every strategy with PyTorch's. `scripts/generate_reference.py`
//! writes the fixture.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Bool, Device, Tensor, TensorData};
use mtpt_compose::{Composition, CompositionConfig, InitContext, Tree};
use mtpt_core::{Compose, TaskIndex, load_parameters, parameter_names};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) length: usize,
    pub(crate) d_model: usize,
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) composition: CompositionConfig,
    pub(crate) lines: Vec<Vec<usize>>,
    pub(crate) tensors: BTreeMap<String, Listed>,
    pub(crate) prompts: Listed,
    gradients: BTreeMap<String, Listed>,
    inputs: Option<Listed>,
    input_lengths: Option<Vec<usize>>,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Listed {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Reference {
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/reference.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }
}

impl Case {
    /// Creates the composition with the tensors of the case.
    pub(crate) fn composition(&self, length: usize, d_model: usize) -> Composition {
        let device = Device::flex();
        let context = InitContext {
            shared: Tensor::zeros([length, d_model], &device),
            tree: Tree::new(self.lines.clone()).unwrap(),
            part: &|_, length| Ok(Tensor::zeros([length, d_model], &device)),
            seed: 0,
            device: device.clone().autodiff(),
        };
        let tensors = self.tensors.iter().map(|(name, data)| (name.clone(), data.clone().into()));
        load_parameters(self.composition.init(&context).unwrap(), tensors.collect()).unwrap()
    }

    /// Returns the task of each row of `prompts`.
    pub(crate) fn rows(&self) -> Vec<TaskIndex> {
        let rows = self.input_lengths.as_ref().map_or(self.lines.len(), Vec::len);
        (0..rows).map(|row| TaskIndex::new(row % self.lines.len())).collect()
    }

    /// Returns the inputs of the rows and their mask, if prompts depend on the input.
    pub(crate) fn inputs(&self) -> Option<(Tensor<3>, Tensor<2, Bool>)> {
        let (inputs, lengths) = (self.inputs.clone()?, self.input_lengths.as_ref()?);
        let max_length = inputs.shape[1];
        let mask: Vec<bool> = lengths
            .iter()
            .flat_map(|&length| (0..max_length).map(move |position| position < length))
            .collect();
        let mask = TensorData::new(mask, [lengths.len(), max_length]);
        let device = Device::flex();
        let mask = Tensor::from_data(mask, &device);
        Some((Tensor::from_data(TensorData::from(inputs), &device), mask))
    }
}

impl From<Listed> for TensorData {
    fn from(Listed { shape, values }: Listed) -> Self {
        Self::new(values, shape)
    }
}

/// Returns the gradient of every parameter by name.
fn gradients<M: Module>(module: &M, loss: Tensor<1>) -> BTreeMap<String, Vec<f32>> {
    struct Collect(GradientsParams, Vec<Vec<f32>>);
    impl ModuleVisitor for Collect {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = self.0.get::<D>(param.id).expect("every parameter has a gradient");
            self.1.push(gradient.into_data().try_to_vec().unwrap());
        }
    }
    let mut collect = Collect(GradientsParams::from_grads(loss.backward(), module), Vec::new());
    module.visit(&mut collect);
    let names = parameter_names(module).into_iter().map(|(_, name)| name);
    names.zip(collect.1).collect()
}

#[track_caller]
fn check_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        // Sums of dozens of f32 products in another order, through at most four levels.
        let close = (found - expected).abs() <= 1e-5 * largest;
        assert!(close, "{what}, value {index}: expected {expected}, found {found}");
    }
}

#[test]
fn prompts_and_gradients_equal_pytorch() {
    let reference = Reference::read();
    let (length, d_model) = (reference.length, reference.d_model);
    for case in reference.cases {
        let name = serde_json::to_string(&case.composition).unwrap();
        let composition = case.composition(length, d_model);
        let tree = Tree::new(case.lines.clone()).unwrap();
        let count = case.composition.parameter_count(length, d_model, &tree).unwrap();
        assert_eq!(composition.num_params(), count.total());

        let tasks = case.rows();
        let prompts = match case.inputs() {
            Some((inputs, mask)) => composition.compose_for(&tasks, &inputs, &mask),
            None => composition.compose_rows(&tasks),
        };
        let found: Vec<f32> = prompts.clone().inner().into_data().try_to_vec().unwrap();
        check_close(&format!("prompts of {name}"), &found, &case.prompts.values);
        let found = gradients(&composition, prompts.powi_scalar(2).sum());
        assert_eq!(found.keys().collect::<Vec<_>>(), case.gradients.keys().collect::<Vec<_>>());
        for (tensor, expected) in case.gradients {
            check_close(
                &format!("{name}: gradient of {tensor}"),
                &found[&tensor],
                &expected.values,
            );
        }
    }
}
