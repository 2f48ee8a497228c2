use std::fs;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use mtpt_core::PromptFile;

#[derive(Module, Debug)]
struct Parts {
    shared: Param<Tensor<2>>,
    tasks: Vec<Param<Tensor<1>>>,
}

/// A wrapper as compositions have: its variant must not show in a file.
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
fn what_is_written_is_read_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.safetensors");
    let written = PromptFile::from_module(&parts(0.1, 2), "{\"who\": \"a test\"}".into());
    written.write(&path).unwrap();
    let read = PromptFile::read(&path).unwrap();
    assert_eq!(read.header(), "{\"who\": \"a test\"}");
    assert_eq!(read.tensors().keys().collect::<Vec<_>>(), ["shared", "tasks.0", "tasks.1"]);
    let restored = read.apply(parts(9.0, 2)).unwrap();
    assert_eq!(PromptFile::from_module(&restored, String::new()).tensors(), written.tensors());
    let Wrapped::Parts(restored) = restored;
    assert!(restored.shared.is_require_grad(), "a restored parameter can be trained on");
}

#[test]
fn the_same_content_makes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    for path in &paths {
        PromptFile::from_module(&parts(0.1, 5), "header".into()).write(path).unwrap();
    }
    assert_eq!(fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
}

#[test]
fn files_that_do_not_fit_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.safetensors");
    let shown = path.display().to_string();
    PromptFile::from_module(&parts(0.1, 2), String::new()).write(&path).unwrap();
    let file = PromptFile::read(&path).unwrap();
    let failure = file.apply(parts(0.0, 3)).unwrap_err().to_string();
    assert_eq!(
        failure,
        format!(
            "tensor `tasks.2` is missing in `{shown}`, which holds: `shared`, `tasks.0`, `tasks.1`"
        )
    );
    let failure = file.apply(parts(0.0, 1)).unwrap_err().to_string();
    assert_eq!(failure, format!("tensor `tasks.1` in `{shown}` belongs to no parameter"));
    let device = Device::flex();
    let shared = Param::from_tensor(Tensor::zeros([2, 4], &device));
    let failure = file.apply(Parts { shared, tasks: Vec::new() }).unwrap_err().to_string();
    assert_eq!(
        failure,
        format!("tensor `shared` in `{shown}`: expected shape [2, 4], found [2, 3]")
    );
}

#[test]
fn broken_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.safetensors");
    let shown = path.display().to_string();
    let failure = PromptFile::read(&path).unwrap_err().to_string();
    assert_eq!(failure, format!("cannot read `{shown}`"));
    PromptFile::from_module(&parts(0.1, 2), String::new()).write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    for length in [0, 5, 40, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let failure = PromptFile::read(&path).unwrap_err().to_string();
        assert_eq!(failure, format!("`{shown}` is not a whole safetensors file"));
    }
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &[0; 4]);
    let foreign = safetensors::serialize([("weight", view.unwrap())], None).unwrap();
    fs::write(&path, foreign).unwrap();
    let failure = PromptFile::read(&path).unwrap_err().to_string();
    assert_eq!(failure, format!("`{shown}` is not a prompt file: its metadata has no key `mtpt`"));
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("prompts.safetensors");
    let file = PromptFile::from_module(&parts(0.1, 1), String::new());
    let failure = file.write(&path).unwrap_err().to_string();
    assert_eq!(failure, format!("cannot write `{}`", path.display()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing half written");
}
