use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use crate::error::{Error, Result};

/// Returns the ids and names of a module's float parameters, in the order of visits.
///
/// A name is the path of the parameter in the module, such as `tasks.0.left`.
pub fn parameter_names<M: Module>(module: &M) -> Vec<(ParamId, String)> {
    let mut names = Names::default();
    module.visit(&mut names);
    names.found
}

/// Returns a module's float parameters by name, as 32-bit floats.
pub fn named_parameters<M: Module>(module: &M) -> BTreeMap<String, TensorData> {
    let mut collector = Collector::default();
    module.visit(&mut collector);
    collector.tensors
}

/// Replaces the values of a module's float parameters by the values of the same names, bit for bit.
///
/// # Errors
///
/// When a parameter has no value ([`Error::MissingParameter`]), a value belongs to no parameter
/// ([`Error::UnknownParameter`]), or the shapes differ ([`Error::ParameterShape`]).
pub fn load_parameters<M: Module>(module: M, values: BTreeMap<String, TensorData>) -> Result<M> {
    let mut loader = Loader { values, ..Loader::default() };
    let module = module.map(&mut loader);
    if let Some(failure) = loader.failure {
        return Err(failure);
    }
    match loader.values.into_keys().next() {
        Some(parameter) => Err(Error::UnknownParameter { parameter }),
        None => Ok(module),
    }
}

/// Names of the nested modules that a visitor is in.
///
/// Variants of enums are omitted: choosing a strategy by an enum doesn't change parameter names.
#[derive(Default)]
struct ParameterPath(Vec<Option<String>>);

impl ParameterPath {
    fn enter(&mut self, name: &str, container: &str) {
        self.0.push((!container.starts_with("Enum:")).then(|| name.to_owned()));
    }

    fn exit(&mut self) {
        self.0.pop();
    }

    fn name(&self) -> String {
        self.0.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

#[derive(Default)]
struct Names {
    path: ParameterPath,
    found: Vec<(ParamId, String)>,
}

impl ModuleVisitor for Names {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((param.id, self.path.name()));
    }
}

#[derive(Default)]
struct Collector {
    path: ParameterPath,
    tensors: BTreeMap<String, TensorData>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let data = param.val().inner().into_data().convert::<f32>();
        self.tensors.insert(self.path.name(), data);
    }
}

#[derive(Default)]
struct Loader {
    path: ParameterPath,
    /// Values that aren't loaded yet.
    values: BTreeMap<String, TensorData>,
    /// Names of loaded values.
    loaded: BTreeSet<String>,
    failure: Option<Error>,
}

impl ModuleMapper for Loader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.failure.is_some() {
            return param;
        }
        let parameter = self.path.name();
        let Some(data) = self.values.remove(&parameter) else {
            let found = self.loaded.iter().chain(self.values.keys()).cloned().collect();
            self.failure = Some(Error::MissingParameter { parameter, found });
            return param;
        };
        let expected = param.lazy_shape().to_vec();
        let found = data.shape().to_vec();
        if expected != found {
            self.failure = Some(Error::ParameterShape { parameter, expected, found });
            return param;
        }
        self.loaded.insert(parameter);
        param.map(|value| {
            let loaded = Tensor::from_data(data, &value.device());
            loaded.set_require_grad(value.is_require_grad())
        })
    }
}
