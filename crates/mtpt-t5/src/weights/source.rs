//! Building a model from a source of parameters.

use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor, TensorData, bf16, f16};
use mtpt_io::layout::f32_values;

use crate::config::T5Config;
use crate::error::{Error, Result, WeightsError};
use crate::model::t5::T5;

/// A source of a model's parameters.
pub(crate) trait ParameterSource {
    /// Checks that the source has all parameters in their shapes, before any is read.
    ///
    /// A source that can't find out returns no error here, but from
    /// [`parameter`](Self::parameter).
    fn check(&self, _parameters: &[Parameter]) -> Result<()> {
        Ok(())
    }

    /// Returns the values of the parameter at a path of the modules, in the given shape.
    fn parameter(&mut self, path: &[String], shape: &[usize]) -> Result<TensorData>;

    /// Returns the file and the name of the parameter at a path of the modules, for messages.
    fn origin(&self, path: &[String]) -> (&Path, String);

    /// Returns an error if the source has parameters that were not requested.
    fn finish(self) -> Result<()>;
}

/// A parameter of a model.
pub(crate) struct Parameter {
    /// Path of the modules.
    pub(crate) path: Vec<String>,
    /// Its shape in the model.
    pub(crate) shape: Vec<usize>,
}

/// Builds a model. It is frozen unless the device is an autodiff device.
pub(crate) fn build(
    config: &T5Config,
    mut source: impl ParameterSource,
    dtype: DType,
    device: &Device,
) -> Result<T5> {
    let model = config.init(device)?;
    let mut parameters = Parameters::default();
    model.visit(&mut parameters);
    source.check(&parameters.found)?;
    let mut loader = Loader { source: &mut source, dtype, device, path: Vec::new(), error: None };
    let model = model.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    source.finish()?;
    Ok(if device.is_autodiff() { model } else { model.freeze() })
}

/// Collects the parameters of a model, without initializing them.
#[derive(Default)]
struct Parameters {
    path: Vec<String>,
    found: Vec<Parameter>,
}

impl ModuleVisitor for Parameters {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // The lazy shape, so that no random initial values are sampled.
        let shape = param.lazy_shape().to_vec();
        self.found.push(Parameter { path: self.path.clone(), shape });
    }
}

/// Returns the first value that a precision cannot represent.
fn first_too_large(data: &TensorData, dtype: DType) -> Option<f32> {
    let is_too_large = |value: f32| match dtype {
        DType::F16 => f16::from_f32(value).is_infinite(),
        DType::BF16 => bf16::from_f32(value).is_infinite(),
        _ => false,
    };
    let is_checked = matches!(dtype, DType::F16 | DType::BF16);
    if !is_checked {
        return None;
    }
    f32_values(data).iter().copied().find(|&value| is_too_large(value))
}

/// Replaces every parameter by the source's, up to the first error.
struct Loader<'a, S> {
    source: &'a mut S,
    dtype: DType,
    device: &'a Device,
    path: Vec<String>,
    error: Option<Error>,
}

impl<S: ParameterSource> ModuleMapper for Loader<'_, S> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        // The lazy shape, so that no random initial values are sampled.
        let shape = param.lazy_shape().to_vec();
        let data =
            self.source.parameter(&self.path, &shape).and_then(|data| {
                match first_too_large(&data, self.dtype) {
                    None => Ok(data),
                    Some(value) => {
                        let (path, tensor) = self.source.origin(&self.path);
                        let (path, dtype) = (path.to_owned(), self.dtype.name().to_owned());
                        Err(WeightsError::ExceedsPrecision { path, tensor, value, dtype }.into())
                    }
                }
            });
        match data {
            Ok(data) => Param::from_tensor(Tensor::from_data(data, (self.device, self.dtype))),
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}
