use std::collections::BTreeMap;
use std::fs;

use burn::tensor::TensorData;
use mtpt_io::NamedTensors;

fn example(tasks: usize) -> NamedTensors {
    let values = [0.1_f32, -0.0, f32::MIN_POSITIVE / 2.0, f32::MAX, 0.1, -7.5];
    let mut tensors = BTreeMap::from([("shared".into(), TensorData::new(values.to_vec(), [2, 3]))]);
    for task in 0..tasks {
        tensors.insert(format!("tasks.{task}"), TensorData::new(vec![0.5_f32; 2], [2]));
    }
    let metadata = BTreeMap::from([("mtpt".into(), "{\"written\": \"by a test\"}".into())]);
    NamedTensors { metadata, tensors }
}

#[test]
fn written_file_is_read_bit_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tensors.safetensors");
    let written = example(2);
    written.write(&path).unwrap();
    let read = NamedTensors::read(&path).unwrap();
    assert_eq!(read, written);
    let bits = |file: &NamedTensors| {
        let values = file.tensors["shared"].iter::<f32>();
        values.map(f32::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(bits(&read), bits(&written));
}

#[test]
fn equal_contents_yield_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a", "b"].map(|name| folder.path().join(name));
    for path in &paths {
        example(5).write(path).unwrap();
    }
    assert_eq!(fs::read(&paths[0]).unwrap(), fs::read(&paths[1]).unwrap());
}

#[test]
fn damaged_files_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tensors.safetensors");
    let shown = path.display().to_string();
    let message = NamedTensors::read(&path).unwrap_err().to_string();
    assert_eq!(message, format!("cannot read `{shown}`"));
    example(2).write(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let read_truncated = |length: usize| {
        fs::write(&path, &bytes[..length]).unwrap();
        NamedTensors::read(&path).unwrap_err().to_string()
    };
    // Too short for the length of the header.
    for (length, found) in [(0, "found an empty file"), (5, "it has less than 8 bytes")] {
        let message = read_truncated(length);
        assert!(message.starts_with(&format!("`{shown}` is not a safetensors file")), "{message}");
        assert!(message.contains(found), "{message}");
    }
    // Truncated in the header, and in the last tensor.
    for length in [40, bytes.len() - 1] {
        let message = read_truncated(length);
        let start = format!("`{shown}` is truncated or damaged: expected ");
        assert!(message.starts_with(&start), "{message}");
        assert!(message.ends_with(&format!(" bytes, found {length}")), "{message}");
    }
}

#[test]
fn failed_write_leaves_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("tensors.safetensors");
    let message = example(1).write(&path).unwrap_err().to_string();
    assert_eq!(message, format!("cannot write `{}`", path.display()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
