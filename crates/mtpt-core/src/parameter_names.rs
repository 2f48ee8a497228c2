use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;

/// The names of a module's parameters of floats, in the order in which they are visited: the paths under which a prompt file
/// keeps them, such as `tasks.0.left`.
pub fn parameter_names<M: Module>(module: &M) -> Vec<(ParamId, String)> {
    let mut names = Names::default();
    module.visit(&mut names);
    names.found
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

/// Names of the nested modules that a visitor is in, without the variants of enums: a wrapper around a strategy is no part of
/// a parameter's name.
#[derive(Default)]
pub(crate) struct ParameterPath(Vec<Option<String>>);

impl ParameterPath {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        self.0.push((!container.starts_with("Enum:")).then(|| name.to_owned()));
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    pub(crate) fn name(&self) -> String {
        self.0.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".")
    }
}
