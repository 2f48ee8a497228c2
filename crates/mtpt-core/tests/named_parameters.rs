use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use mtpt_core::{load_parameters, named_parameters};

#[derive(Module, Debug)]
struct Parts {
    shared: Param<Tensor<2>>,
    tasks: Vec<Param<Tensor<1>>>,
}

/// An enum around a module, like a composition's. Its variant must not be part of names.
#[derive(Module, Debug)]
enum Wrapped {
    Parts(Parts),
}

fn parts(value: f32, tasks: usize) -> Wrapped {
    let device = Device::flex().autodiff();
    let shared = Param::from_tensor(Tensor::full([2, 3], value, &device));
    let tasks = (0..tasks)
        .map(|task| Param::from_tensor(Tensor::full([2], value / (task + 3) as f32, &device)))
        .collect();
    Wrapped::Parts(Parts { shared, tasks })
}

#[test]
fn loading_restores_all_parameters() {
    let saved = named_parameters(&parts(0.1, 2));
    assert_eq!(saved.keys().collect::<Vec<_>>(), ["shared", "tasks.0", "tasks.1"]);
    let restored = load_parameters(parts(9.0, 2), saved.clone()).unwrap();
    assert_eq!(named_parameters(&restored), saved);
    let Wrapped::Parts(restored) = restored;
    assert!(restored.shared.is_require_grad(), "a restored parameter is trainable");
}

#[test]
fn errors_name_the_parameter() {
    let values = named_parameters(&parts(0.1, 2));
    let failure = load_parameters(parts(0.0, 3), values.clone()).unwrap_err().to_string();
    let expected = "parameter `tasks.2` is missing, found `shared`, `tasks.0`, `tasks.1`";
    assert_eq!(failure, expected);
    let failure = load_parameters(parts(0.0, 1), values.clone()).unwrap_err().to_string();
    assert_eq!(failure, "`tasks.1` is not a parameter of the module");
    let shared = Param::from_tensor(Tensor::zeros([2, 4], &Device::flex()));
    let other = Parts { shared, tasks: Vec::new() };
    let failure = load_parameters(other, values).unwrap_err().to_string();
    assert_eq!(failure, "parameter `shared`: expected shape [2, 4], found [2, 3]");
}
