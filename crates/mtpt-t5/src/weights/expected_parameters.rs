//! The parameters of a model by its configuration, without building its blocks.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};

use crate::config::T5Config;
use crate::error::{Result, WeightsError};
use crate::weights::parameter_source::{Parameter, ParameterSource};

/// Number of blocks by which a configuration may exceed the weights and is still compared with them
/// tensor by tensor.
const MAX_MISSING_BLOCKS: usize = 1000;

/// Position of a block's number in the path of a parameter, after the stack and `blocks`.
const NUMBER: usize = 2;

/// Checks that a source has the blocks that a configuration claims.
pub(crate) fn check_block_counts(
    config: &T5Config,
    source: &impl ParameterSource,
) -> Result<(), WeightsError> {
    for (stack, field, claimed) in [
        ("encoder", "num_layers", config.num_layers),
        ("decoder", "num_decoder_layers", config.num_decoder_layers),
    ] {
        let found = source.block_count(stack);
        if claimed > found.saturating_add(MAX_MISSING_BLOCKS) {
            let path = source.path().to_owned();
            return Err(WeightsError::BlockCount { path, stack, field, claimed, found });
        }
    }
    Ok(())
}

/// Returns the parameters of a model in the order of visits.
///
/// A model with one block per stack is created. The parameters of its blocks stand for those of all
/// others, which have the same shapes.
pub(crate) fn expected_parameters(config: &T5Config, device: &Device) -> Result<Vec<Parameter>> {
    let one = T5Config { num_layers: 1, num_decoder_layers: 1, ..config.clone() }.init(device)?;
    let mut visited = Parameters::default();
    one.visit(&mut visited);
    let mut expected = Vec::new();
    for part in visited.found.chunk_by(|one, other| stack_of(one) == stack_of(other)) {
        let count = match stack_of(&part[0]) {
            None => 1,
            Some("encoder") => config.num_layers,
            Some(_) => config.num_decoder_layers,
        };
        for block in 0..count {
            expected.extend(part.iter().map(|parameter| in_block(parameter, block)));
        }
    }
    Ok(expected)
}

/// Returns the stack of a parameter of a block.
fn stack_of(parameter: &Parameter) -> Option<&str> {
    let [stack, blocks, ..] = parameter.path.as_slice() else { return None };
    (blocks == "blocks").then_some(stack)
}

/// Returns the parameter of another block, or a parameter that isn't one of a block itself.
fn in_block(parameter: &Parameter, block: usize) -> Parameter {
    let Parameter { mut path, shape } = parameter.clone();
    if stack_of(parameter).is_some() {
        path[NUMBER] = block.to_string();
    }
    Parameter { path, shape }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{Family, LongAttention};

    #[test]
    fn expected_parameters_are_those_of_the_model() {
        let device = Device::flex();
        let long = LongAttention { local_radius: 7, global_block_size: Some(4) };
        for family in [Family::T5, Family::Umt5, Family::LongT5(long)] {
            let config = T5Config::new(16, 8, 4, 12, 3, 2, 2).with_family(family).with_gated(true);
            let mut visited = Parameters::default();
            config.init(&device).unwrap().visit(&mut visited);
            assert_eq!(expected_parameters(&config, &device).unwrap(), visited.found);
        }
    }
}
