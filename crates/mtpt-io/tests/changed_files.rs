//! Files that are replaced, truncated or overwritten while they are read.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use burn::tensor::TensorData;
use mtpt_io::safetensors::SafetensorsFile;
use mtpt_io::{NamedTensors, TensorSource};

/// Writes a file with a tensor of zeros.
fn write(path: &Path, length: usize) {
    let values = TensorData::new(vec![0.0_f32; length], [length]);
    let tensors = BTreeMap::from([("values".to_owned(), values)]);
    NamedTensors { metadata: BTreeMap::new(), tensors }.write(path).unwrap();
}

#[test]
fn parts_of_two_versions_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("values.safetensors");
    type Change = fn(&Path);
    let replaced: Change = |path| write(path, 4);
    let longer: Change = |path| write(path, 8);
    let truncated: Change = |path| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    };
    let emptied: Change = |path| fs::write(path, "").unwrap();
    for change in [replaced, longer, truncated, emptied] {
        write(&path, 4);
        let file = SafetensorsFile::open(&path).unwrap();
        file.read("values").unwrap();
        change(&path);
        let error = file.read("values").unwrap_err();
        let source = error.source().unwrap().to_string();
        assert!(error.to_string().contains("values.safetensors`"), "{error}");
        assert!(source.starts_with("it was changed while it was being read"), "{source}");
    }
    write(&path, 4);
    let file = SafetensorsFile::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(file.read("values").is_err());
}
