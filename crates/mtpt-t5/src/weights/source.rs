//! Building a model from a source of parameters.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::config::T5Config;
use crate::error::{Error, Result};
use crate::model::t5::T5;

/// A source of a model's parameters.
pub(crate) trait ParameterSource {
    /// Returns the values of the parameter at a path of the modules, in the given shape.
    fn parameter(&mut self, path: &[String], shape: &[usize]) -> Result<TensorData>;

    /// Returns an error if the source has parameters that were not requested.
    fn finish(self) -> Result<()>;
}

/// Builds a model. It is frozen unless the device is an autodiff device.
pub(crate) fn build(
    config: &T5Config,
    mut source: impl ParameterSource,
    dtype: DType,
    device: &Device,
) -> Result<T5> {
    let mut loader = Loader { source: &mut source, dtype, device, path: Vec::new(), error: None };
    let model = config.init(device)?.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    source.finish()?;
    Ok(if device.is_autodiff() { model } else { model.freeze() })
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
        match self.source.parameter(&self.path, &shape) {
            Ok(data) => Param::from_tensor(Tensor::from_data(data, (self.device, self.dtype))),
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}
