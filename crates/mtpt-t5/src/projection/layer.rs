use std::sync::Arc;

use burn::module::{
    Content, Devices, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor,
    Param, ParamId,
};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{DType, Device, Shape, Tensor, TensorData};
use mtpt_core::is_cpu;
use mtpt_io::layout::f32_values;

use super::int8_matrix::{Int8Matrix, MAX_SIZE};

/// A linear layer without bias, `y = x W`.
///
/// As a module it has one parameter, `weight`, in any format. With int8 weights, mappers don't see
/// it: they can't be trained, and other values can't be stored exactly. Visitors see the values of
/// the integers.
#[derive(Clone, Debug)]
pub(crate) struct Projection(Weights);

#[derive(Clone, Debug)]
enum Weights {
    Float(Linear),
    /// Weights that are quantized when a mapper has loaded them.
    NotYetQuantized(Linear),
    Int8 {
        matrix: Arc<Int8Matrix>,
        device: Device,
    },
}

impl Projection {
    /// Returns a layer of floats with normally distributed weights.
    pub(crate) fn init(d_input: usize, d_output: usize, std: f64, device: &Device) -> Self {
        let config = LinearConfig::new(d_input, d_output)
            .with_bias(false)
            .with_initializer(Initializer::Normal { mean: 0.0, std });
        Self(Weights::Float(config.init(device)))
    }

    /// Makes the layer quantize the weights that the next mapper loads.
    ///
    /// Each layer's floats are freed before those of the next one are read. Layers that are too
    /// large for exact sums keep their floats.
    pub(crate) fn quantize_on_load(&mut self) {
        let is_small = self.shape().into_iter().all(|size| size <= MAX_SIZE);
        if let Weights::Float(linear) = &self.0
            && is_small
        {
            self.0 = Weights::NotYetQuantized(linear.clone());
        }
    }

    /// Returns whether the weights are integers, whose products take less time.
    pub(crate) fn is_int8(&self) -> bool {
        matches!(self.0, Weights::Int8 { .. })
    }

    /// Returns the number of inputs and of outputs.
    pub(crate) fn shape(&self) -> [usize; 2] {
        match &self.0 {
            Weights::Float(linear) | Weights::NotYetQuantized(linear) => {
                linear.weight.lazy_shape().dims()
            }
            Weights::Int8 { matrix, .. } => matrix.shape(),
        }
    }

    /// Returns the weights, `[d_input, d_output]`. Integers are converted on each call.
    pub(crate) fn weight(&self) -> Tensor<2> {
        match &self.0 {
            Weights::Float(linear) | Weights::NotYetQuantized(linear) => linear.weight.val(),
            Weights::Int8 { matrix, device } => dequantized(matrix, device),
        }
    }

    /// Applies the layer to `[tokens, d_input]`.
    ///
    /// With int8 weights, each row is quantized as well. Gradients that Burn tracks flow through
    /// the values of the integers, without quantized rows.
    pub(crate) fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        match &self.0 {
            Weights::Float(linear) | Weights::NotYetQuantized(linear) => linear.forward(input),
            Weights::Int8 { matrix, device } if input.is_autodiff() => {
                input.matmul(dequantized(matrix, device))
            }
            Weights::Int8 { matrix, .. } => {
                let [_, d_output] = matrix.shape();
                map_rows(input, d_output, |rows| matrix.product(rows))
            }
        }
    }

    /// Returns the gradient with respect to the input, `g Wᵀ`, `[tokens, d_input]`.
    pub(crate) fn backward(&self, gradient: Tensor<2>) -> Tensor<2> {
        match &self.0 {
            Weights::Float(linear) | Weights::NotYetQuantized(linear) => {
                gradient.matmul(linear.weight.val().transpose())
            }
            Weights::Int8 { matrix, .. } => {
                let [d_input, _] = matrix.shape();
                map_rows(gradient, d_input, |rows| matrix.transposed_product(rows))
            }
        }
    }
}

/// Applies a function from rows of floats to rows of floats, in the memory of the CPU.
fn map_rows(input: Tensor<2>, columns: usize, map: impl FnOnce(&[f32]) -> Vec<f32>) -> Tensor<2> {
    let ([count, _], device, dtype) = (input.dims(), input.device(), input.dtype());
    let data = input.cast(DType::F32).into_data();
    let result = TensorData::new(map(f32_values(&data)), [count, columns]);
    Tensor::from_data(result, (&device, dtype))
}

fn dequantized(matrix: &Int8Matrix, device: &Device) -> Tensor<2> {
    Tensor::from_data(matrix.dequantize(), (device, DType::F32))
}

/// Returns a parameter with the values of a matrix, which are computed when it is used.
fn parameter(matrix: &Arc<Int8Matrix>, device: &Device) -> Param<Tensor<2>> {
    let shape = Shape::from(matrix.shape());
    let matrix = Arc::clone(matrix);
    let init = move |device: &Device, _: bool| dequantized(&matrix, device);
    Param::uninitialized(ParamId::new(), init, device.clone(), false, shape)
}

impl Weights {
    fn map_float(self, map: impl FnOnce(Linear) -> Linear) -> Self {
        match self {
            Self::Float(linear) => Self::Float(map(linear)),
            Self::NotYetQuantized(linear) => Self::NotYetQuantized(map(linear)),
            Self::Int8 { .. } => self,
        }
    }

    /// Moves integers to a device. Only the CPU multiplies them, so that they become floats on
    /// another one.
    fn move_integers(self, to: &Device) -> Self {
        match self {
            Self::Int8 { matrix, .. } if !is_cpu(to) => {
                Self::Float(Linear { weight: parameter(&matrix, to), bias: None })
            }
            other => other,
        }
    }
}

impl Module for Projection {
    fn collect_devices(&self, devices: Devices) -> Devices {
        match &self.0 {
            Weights::Float(linear) | Weights::NotYetQuantized(linear) => {
                linear.collect_devices(devices)
            }
            Weights::Int8 { matrix, device } => parameter(matrix, device).collect_devices(devices),
        }
    }

    fn fork(self, device: &Device) -> Self {
        Self(self.0.move_integers(device).map_float(|linear| linear.fork(device)))
    }

    fn to_device(self, device: &Device) -> Self {
        Self(self.0.move_integers(device).map_float(|linear| linear.to_device(device)))
    }

    fn train(self) -> Self {
        Self(self.0.map_float(Module::train))
    }

    fn valid(&self) -> Self {
        Self(self.0.clone().map_float(|linear| linear.valid()))
    }

    fn materialize(self) -> Self {
        Self(self.0.map_float(Module::materialize))
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        match &self.0 {
            Weights::Float(linear) | Weights::NotYetQuantized(linear) => linear.visit(visitor),
            Weights::Int8 { matrix, device } => {
                let weight = parameter(matrix, device);
                Linear { weight, bias: None }.visit(visitor);
            }
        }
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        Self(match self.0 {
            Weights::Float(linear) => Weights::Float(linear.map(mapper)),
            Weights::NotYetQuantized(linear) => {
                let weight = linear.map(mapper).weight.val();
                let (shape, device) = (weight.dims(), weight.device());
                let values = weight.cast(DType::F32).into_data();
                let matrix = Int8Matrix::quantize(f32_values(&values), shape);
                Weights::Int8 { matrix: Arc::new(matrix), device }
            }
            integers @ Weights::Int8 { .. } => integers,
        })
    }
}

impl ModuleDisplayDefault for Projection {
    fn content(&self, content: Content) -> Option<Content> {
        let [d_input, d_output] = self.shape();
        content
            .add("d_input", &d_input)
            .add("d_output", &d_output)
            .add("int8", &self.is_int8())
            .optional()
    }
}

impl ModuleDisplay for Projection {}
