use std::fs;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use mtpt_infer::{Error, PromptFile};

#[derive(Module, Debug)]
struct Parts {
    shared: Param<Tensor<2>>,
}

fn parts(length: usize) -> Parts {
    Parts { shared: Param::from_tensor(Tensor::full([length, 3], 0.1, &Device::flex())) }
}

#[test]
fn a_written_file_is_read_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.safetensors");
    let written = PromptFile::from_module(&parts(2), "{\"written\": \"by a test\"}".into());
    written.write(&path).unwrap();
    let read = PromptFile::read(&path).unwrap();
    assert_eq!(read.header(), "{\"written\": \"by a test\"}");
    let restored = read.apply(parts(2)).unwrap();
    assert_eq!(PromptFile::from_module(&restored, String::new()).tensors(), written.tensors());
}

#[test]
fn other_safetensors_files_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.safetensors");
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &[0; 4]);
    fs::write(&path, safetensors::serialize([("weight", view.unwrap())], None).unwrap()).unwrap();
    let failure = PromptFile::read(&path).unwrap_err().to_string();
    let shown = path.display();
    assert_eq!(failure, format!("`{shown}` is not a prompt file: its metadata has no key `mtpt`"));
}

#[test]
fn a_mismatch_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.safetensors");
    PromptFile::from_module(&parts(2), String::new()).write(&path).unwrap();
    let failure = PromptFile::read(&path).unwrap().apply(parts(3)).unwrap_err();
    assert!(matches!(failure, Error::PromptParameters { .. }));
    let expected = format!("`{}` does not match its composition", path.display());
    assert_eq!(failure.to_string(), expected);
}
