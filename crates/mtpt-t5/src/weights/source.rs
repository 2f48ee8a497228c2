//! Building a model from a source of parameters.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Tensor, TensorData, bf16, f16};
use mtpt_core::WeightFormat;
use mtpt_io::layout::f32_values;

use crate::config::T5Config;
use crate::error::{Error, Result, WeightsError};
use crate::model::t5::T5;
use crate::projection::Projection;
use crate::weights::expected_parameters::{check_block_counts, expected_parameters};
use crate::weights::parameter_source::ParameterSource;

/// Builds a model. It is frozen unless the device is an autodiff device.
pub(crate) fn build(
    config: &T5Config,
    mut source: impl ParameterSource,
    format: WeightFormat,
    device: &Device,
) -> Result<T5> {
    // Before the blocks are created, whose number is only a claim.
    check_block_counts(config, &source)?;
    source.check(&expected_parameters(config, device)?)?;
    let mut model = config.init(device)?;
    if format == WeightFormat::Int8 {
        model.projections_mut().for_each(Projection::quantize_on_load);
    }
    let dtype = format.float().into();
    let mut loader = Loader { source: &mut source, dtype, device, path: Vec::new(), error: None };
    let model = model.map(&mut loader);
    if let Some(error) = loader.error {
        return Err(error);
    }
    source.finish()?;
    Ok(if device.is_autodiff() { model } else { model.freeze() })
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
