use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use mtpt_io::layout::f32_values;
use mtpt_io::t5x::{Checkpoint, write};
use mtpt_io::{TensorError, TensorSource};
use tempfile::TempDir;

/// Name of the array in the fixture `prompt`.
const PROMPT_NAME: &str = "target.encoder.prompt.prompt.prompt";

/// Returns the path of a checkpoint that flax and TensorStore wrote. They are created by
/// `crates/mtpt-t5/scripts/generate_t5x_reference.py`.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/t5x").join(name)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn copy_of(name: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(&fixture(name), copy.path());
    copy
}

/// Returns the message of an error with those of its causes.
fn message(error: &TensorError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

#[track_caller]
fn check(error: &TensorError, parts: &[&str]) {
    let message = message(error);
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

/// Checks that opening a changed copy, or reading one of its arrays, fails with a message that
/// contains all parts.
#[track_caller]
fn check_changed(array: &str, change: impl FnOnce(&Path), parts: &[&str]) {
    let copy = copy_of("kinds");
    change(copy.path());
    let error = match Checkpoint::open(copy.path()) {
        Err(error) => error,
        Ok(checkpoint) => checkpoint.read(array).expect_err("reading must fail"),
    };
    check(&error, parts);
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn arrays_of_every_type_are_read() {
    let checkpoint = Checkpoint::open(&fixture("kinds")).unwrap();
    for group in ["here", "there"] {
        let halves: Vec<f32> = (-6..6).map(|value| value as f32 / 2.0).collect();
        for name in ["float64", "float32", "float16", "bfloat16"] {
            let array = checkpoint.read(&format!("target.{group}.{name}")).unwrap();
            assert_eq!(array, TensorData::new(halves.clone(), vec![3, 4]), "{group} {name}");
        }
        let signed: Vec<f32> = (-6..6).map(|value| value as f32).collect();
        for name in ["int64", "int32", "int16", "int8"] {
            let array = checkpoint.read(&format!("target.{group}.{name}")).unwrap();
            assert_eq!(array, TensorData::new(signed.clone(), [3, 4]), "{group} {name}");
        }
        let unsigned: Vec<f32> = (0..12).map(|value| value as f32).collect();
        for name in ["uint64", "uint32", "uint16", "uint8"] {
            let array = checkpoint.read(&format!("target.{group}.{name}")).unwrap();
            assert_eq!(array, TensorData::new(unsigned.clone(), [3, 4]), "{group} {name}");
        }
        let booleans = checkpoint.read(&format!("target.{group}.bool")).unwrap();
        assert_eq!(f32_values(&booleans)[..3], [0.0, 1.0, 1.0], "{group}");
    }
}

#[test]
fn arrays_of_every_form_are_read() {
    let checkpoint = Checkpoint::open(&fixture("kinds")).unwrap();
    let values = |name: &str| checkpoint.read(&format!("target.{name}")).unwrap();
    let scalar = |value: f32| TensorData::new(vec![value], Vec::<usize>::new());
    assert_eq!(values("here.scalar"), scalar(2.5));
    assert_eq!(values("here.zero_dimensions"), scalar(2.5));
    assert_eq!(values("here.python_float"), scalar(2.5));
    assert_eq!(values("here.python_integer"), scalar(-3.0));
    assert_eq!(values("here.empty"), TensorData::new(Vec::<f32>::new(), vec![0, 4]));
    let whole: Vec<f32> = (-6..6).map(|value| value as f32).collect();
    assert_eq!(values("here.chunked"), TensorData::new(whole, vec![3, 4]));
    // One of its two chunks is missing, so it has the fill value.
    assert_eq!(f32_values(&values("there.filled")), [1.0, 1.0, 1.5, 1.5]);
}

#[test]
fn names_and_shapes_are_known_before_reading() {
    let checkpoint = Checkpoint::open(&fixture("kinds")).unwrap();
    assert_eq!(checkpoint.names().count(), 33);
    // The state of the optimizer is excluded.
    assert!(checkpoint.names().all(|name| name.starts_with("target.")));
    assert_eq!(checkpoint.shape("target.here.chunked"), Some([3, 4].as_slice()));
    assert_eq!(checkpoint.shape("target.there.filled"), Some([2, 2].as_slice()));
    assert_eq!(checkpoint.shape("target.here.python_float"), Some([].as_slice()));
    assert_eq!(checkpoint.shape("target.nowhere"), None);
    check(
        &checkpoint.read("target.nowhere").unwrap_err(),
        &["kinds` has no tensor `target.nowhere`"],
    );
}

#[test]
fn checkpoint_of_another_program_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures/t5x/test_t5_1_1_tiny/checkpoint_3");
    if !folder.is_dir() {
        println!("skipped: missing `{}`", folder.display());
        return;
    }
    let checkpoint = Checkpoint::open(&folder).unwrap();
    assert_eq!(checkpoint.names().count(), 52);
    let table = checkpoint.read("target.token_embedder.embedding").unwrap();
    assert_eq!(table.shape()[..], [32128, 4]);
    assert_eq!(f32_values(&table).len(), 32128 * 4);
    let norm = checkpoint.read("target.decoder.decoder_norm.scale").unwrap();
    // The first bytes of the array in the file.
    assert_eq!(f32_values(&norm)[0], f32::from_le_bytes([0x83, 0x9d, 0x78, 0x3f]));
}

#[test]
fn folder_without_a_checkpoint_is_rejected() {
    let parent = tempfile::tempdir().unwrap();
    let error = Checkpoint::open(parent.path()).unwrap_err();
    check(&error, &["is not a T5X checkpoint: it has no file `checkpoint`"]);
    assert!(!error.to_string().contains("one step"));
    for step in ["checkpoint_20", "checkpoint_100", "checkpoint_best"] {
        copy_folder(&fixture("prompt"), &parent.path().join(step));
    }
    let error = Checkpoint::open(parent.path()).unwrap_err();
    check(&error, &["use the folder of one step, such as", "checkpoint_100`"]);
}

#[test]
fn orbax_checkpoints_with_zarr_folders_are_read() {
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("state");
    copy_folder(&fixture("kinds"), &state);
    let checkpoint = Checkpoint::open(parent.path()).unwrap();
    assert_eq!(f32_values(&checkpoint.read("target.there.int8").unwrap())[0], -6.0);
    fs::write(state.join("manifest.ocdbt"), "").unwrap();
    check(
        &Checkpoint::open(parent.path()).unwrap_err(),
        &["state` stores its arrays in OCDBT format"],
    );
}

#[test]
fn malformed_msgpack_files_are_rejected() {
    let whole = fs::read(fixture("prompt").join("checkpoint")).unwrap();
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("checkpoint");
    let open = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        Checkpoint::open(parent.path())
    };
    assert!(open(&whole).is_ok());
    for length in 0..whole.len() {
        let error = open(&whole[..length]).unwrap_err();
        let expected = format!("is truncated: it ends after {length} bytes");
        check(&error, &["checkpoint` ", &expected]);
    }
    let longer = [whole.as_slice(), b"!"].concat();
    check(
        &open(&longer).unwrap_err(),
        &["has extra bytes after its contents", &format!("byte {}", whole.len())],
    );
    // TensorFlow also writes a file with this name.
    let text = b"model_checkpoint_path: \"model.ckpt-1000000\"\n";
    check(
        &open(text).unwrap_err(),
        &["checkpoint` is not the msgpack file of a T5X checkpoint", "109"],
    );
    check(&open(b"\xc1").unwrap_err(), &["is not the msgpack file"]);
    // {"version": 3}, {"optimizer": {"target": 1}}
    check(&open(b"\x81\xa7version\x03").unwrap_err(), &["has no parameters", "`optimizer.target`"]);
    check(&open(b"\x81\xa9optimizer\x81\xa6target\x01").unwrap_err(), &["has no parameters"]);
    // {"target": {"a": true}}
    check(
        &open(b"\x81\xa6target\x81\xa1a\xc3").unwrap_err(),
        &["`target.a`", "expected an array", "boolean"],
    );
    // {"target": {"a": {"driver": "n5"}}} and {"target": {"a": "PLACEHOLDER://../b"}}
    check(
        &open(b"\x81\xa6target\x81\xa1a\x81\xa6driver\xa2n5").unwrap_err(),
        &["`target.a`", "driver `n5`"],
    );
    let outside = b"\x81\xa6target\x81\xa1a\xb2PLACEHOLDER://../b";
    check(&open(outside).unwrap_err(), &["`target.a`", "a folder next to the file", "`../b`"]);
}

#[test]
fn arrays_in_the_msgpack_file_are_checked() {
    let change = |from: &[u8], to: &[u8]| {
        let whole = fs::read(fixture("prompt").join("checkpoint")).unwrap();
        let position = whole.windows(from.len()).position(|bytes| bytes == from).unwrap();
        let copy = copy_of("prompt");
        let changed = [&whole[..position], to, &whole[position + from.len()..]].concat();
        fs::write(copy.path().join("checkpoint"), changed).unwrap();
        Checkpoint::open(copy.path()).and_then(|checkpoint| checkpoint.read(PROMPT_NAME))
    };
    // The shape was [3, 4].
    let error = change(b"\x92\x03\x04", b"\x92\x03\x05").unwrap_err();
    check(&error, &[PROMPT_NAME, "expected an array", "48 bytes of `float32` for shape [3, 5]"]);
    let error = change(b"float32", b"complex").unwrap_err();
    check(&error, &[PROMPT_NAME, "expected floats or integers, found `complex`"]);
    // 0.25 is at index [1, 3].
    let error = change(&0.25f32.to_le_bytes(), &f32::NAN.to_le_bytes()).unwrap_err();
    check(&error, &[PROMPT_NAME, "expected finite values, found NaN at [1, 3]"]);
    let error = change(&0.25f32.to_le_bytes(), &f32::NEG_INFINITY.to_le_bytes()).unwrap_err();
    check(&error, &[PROMPT_NAME, "found -inf at [1, 3]"]);
}

#[test]
fn missing_chunk_is_named() {
    let change = |folder: &Path| fs::remove_file(folder.join("target.there.float32/1.1")).unwrap();
    check_changed(
        "target.there.float32",
        change,
        &["target.there.float32/1.1` of array `target.there.float32` is missing"],
    );
}

#[test]
fn damaged_chunk_is_named() {
    let path = "target.there.float32/0.1";
    let whole = fs::read(fixture("kinds").join(path)).unwrap();
    for length in 0..whole.len() {
        let change = |folder: &Path| fs::write(folder.join(path), &whole[..length]).unwrap();
        let parts = ["float32/0.1` of array `target.there.float32` is truncated or damaged"];
        check_changed("target.there.float32", change, &parts);
    }
    // A chunk of 16-bit floats.
    let change = |folder: &Path| {
        fs::copy(folder.join("target.there.float16/0.1"), folder.join(path)).unwrap();
    };
    check_changed(
        "target.there.float32",
        change,
        &["float32/0.1` of array", "truncated or damaged"],
    );
}

#[test]
fn malformed_array_metadata_is_named() {
    let array = "target.there.float32";
    let file = |folder: &Path| folder.join(array).join(".zarray");
    let malformed =
        ["target.there.float32/.zarray`, the description of array `target.there.float32`"];
    for (from, to) in [
        ("{", "{{"),
        ("\"zarr_format\":2", "\"zarr_format\":3"),
        ("\"chunks\":[2,3]", "\"chunks\":[2]"),
        ("\"chunks\":[2,3]", "\"chunks\":[2,0]"),
        ("\"dtype\":\"<f4\"", "\"type\":\"<f4\""),
        ("\"order\":\"C\"", "\"order\":\"X\""),
        ("\"gzip\"", "\"unheard\""),
    ] {
        check_changed(array, |folder| replace(&file(folder), from, to), &malformed);
    }
    check_changed(
        array,
        |folder| replace(&file(folder), "\"<f4\"", "\"<c8\""),
        &[".zarray`: expected floats or integers, found `<c8`"],
    );
    check_changed(
        array,
        |folder| replace(&file(folder), "\"shape\":[3,4]", "\"shape\":[4,4]"),
        &[array, "the file `checkpoint` expects shape [3, 4]", ".zarray` has [4, 4]"],
    );
    check_changed(
        array,
        |folder| fs::remove_file(file(folder)).unwrap(),
        &["array `target.there.float32` should be in the folder", "has no `.zarray`"],
    );
}

fn prompt() -> BTreeMap<String, TensorData> {
    let checkpoint = Checkpoint::open(&fixture("prompt")).unwrap();
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), [PROMPT_NAME]);
    BTreeMap::from([(PROMPT_NAME.to_owned(), checkpoint.read(PROMPT_NAME).unwrap())])
}

#[test]
fn written_file_has_the_bytes_of_flax() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("runs/checkpoint_7");
    write(&folder, &prompt(), 7).unwrap();
    let bytes = |folder: &Path| fs::read(folder.join("checkpoint")).unwrap();
    assert_eq!(bytes(&folder), bytes(&fixture("prompt")));
    let read = Checkpoint::open(&folder).unwrap().read(PROMPT_NAME).unwrap();
    assert_eq!(read, prompt()[PROMPT_NAME]);
    // No temporary files are left.
    assert_eq!(fs::read_dir(parent.path().join("runs")).unwrap().count(), 1);
}

#[test]
fn several_arrays_are_written_and_read() {
    let array = |shape: &[usize]| {
        let count: usize = shape.iter().product();
        TensorData::new((0..count).map(|value| value as f32).collect(), shape.to_vec())
    };
    // Lengths and names that exceed the short forms of msgpack.
    let long = "long".repeat(30);
    let arrays = BTreeMap::from([
        ("target.a.b".to_owned(), array(&[100, 300])),
        ("target.a.c.d".to_owned(), array(&[2, 3, 4])),
        (format!("target.{long}"), array(&[1])),
    ]);
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("checkpoint_1");
    write(&folder, &arrays, 1_000_000).unwrap();
    let checkpoint = Checkpoint::open(&folder).unwrap();
    assert_eq!(checkpoint.names().collect::<Vec<_>>(), arrays.keys().collect::<Vec<_>>());
    for (name, array) in &arrays {
        assert_eq!(checkpoint.read(name).unwrap(), *array);
    }
}

#[test]
fn existing_folders_and_invalid_names_are_rejected() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("checkpoint_7");
    fs::create_dir(&folder).unwrap();
    check(&write(&folder, &prompt(), 7).unwrap_err(), &["checkpoint_7` already exists"]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

    let folder = parent.path().join("other");
    let array = prompt().remove(PROMPT_NAME).unwrap();
    for names in [["prompt", "target.b"], ["target.a", "target.a.b"], ["target.a..b", "target.c"]] {
        let arrays = names.map(|name| (name.to_owned(), array.clone())).into();
        check(&write(&folder, &arrays, 7).unwrap_err(), &["cannot be written: expected `target.`"]);
    }
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
}
