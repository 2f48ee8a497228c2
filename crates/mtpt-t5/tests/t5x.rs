use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use burn::tensor::TensorData;
use mtpt_io::TensorSource;
use mtpt_io::layout::f32_values;
use mtpt_io::t5x::{Checkpoint, write};
use mtpt_t5::{Activation, Backbone, Inputs, T5, T5Config, T5Tokenizer};
use tempfile::TempDir;

use crate::fixtures::{
    Reference, TOLERANCE, assert_close, folder, load, message, padded, reference,
};

/// Checkpoints in the forms of T5X, and the folder in transformers' form of the same model.
///
/// The first has zarr folders, the second all in the msgpack file and heads on axes of their own,
/// the third the layers of a stack in one array, in half precision.
const CHECKPOINTS: [(&str, &str); 3] =
    [("t5x/v1_1", "v1_1"), ("t5x/v1_0", "v1_0"), ("t5x/bf16_scanned", "bf16")];

/// T5X's own checkpoint for tests, which is not part of this project.
fn real() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures/t5x/test_t5_1_1_tiny/checkpoint_3");
    if !folder.is_dir() {
        println!("skipped: there is no `{}`", folder.display());
        return None;
    }
    Some(folder)
}

pub(crate) fn scores(model: &T5, reference: &Reference) -> Vec<Vec<f32>> {
    let (ids, mask) = padded(&reference.inputs, &Device::flex());
    model.score(Inputs::new(model.embed(ids), mask), &reference.targets).unwrap()
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
    copy_folder(&folder(name), copy.path());
    copy
}

/// Asserts that loading a changed copy of a checkpoint fails with a message that contains all
/// parts.
#[track_caller]
fn check(name: &str, change: impl FnOnce(&Path), parts: &[&str]) {
    let copy = copy_of(name);
    change(copy.path());
    let error = T5::load(copy.path(), &Device::flex()).expect_err("loading must fail");
    let message = message(&error);
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

/// Replaces bytes of the msgpack file by as many others.
fn replace_bytes(folder: &Path, from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let path = folder.join("checkpoint");
    let mut bytes = fs::read(&path).unwrap();
    let position = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
    bytes[position..position + to.len()].copy_from_slice(to);
    fs::write(path, bytes).unwrap();
}

#[test]
fn real_checkpoint_matches_two_other_programs() {
    let Some(path) = real() else { return };
    let model = T5::load(&path, &Device::flex()).unwrap();
    let expected = T5Config::new(32128, 4, 2, 8, 2, 2, 2)
        .with_relative_attention_num_buckets(4)
        .with_activation(Activation::GeluTanh)
        .with_gated(true)
        .with_tie_word_embeddings(false)
        .with_scale_decoder_outputs(false);
    assert_eq!(*model.config(), expected);
    let file = fs::read(folder("t5x").join("tiny.json")).unwrap();
    let reference: Reference = serde_json::from_slice(&file).unwrap();
    for (row, (found, expected)) in
        scores(&model, &reference).iter().zip(&reference.token_log_probabilities).enumerate()
    {
        // The reference was computed in double precision, this in single.
        assert_close(found, expected, TOLERANCE, &format!("row {row}"));
    }
}

#[test]
fn checkpoints_match_their_source_models() {
    for (name, original) in CHECKPOINTS {
        let (model, reference) = (load(name), reference(original));
        let found = scores(&model, &reference);
        // The same values in the same order: bitwise equal.
        assert_eq!(found, scores(&load(original), &reference), "{name}");
        for (row, (found, expected)) in
            found.iter().zip(&reference.token_log_probabilities).enumerate()
        {
            assert_close(found, expected, TOLERANCE, &format!("{name}, row {row}"));
        }
    }
}

#[test]
fn configuration_is_inferred_from_shapes() {
    for (name, original) in CHECKPOINTS {
        let mut expected = load(original).config().clone();
        // No shape determines it, and the fixtures have an unusual one.
        expected.eos_token_id = 1;
        assert_eq!(*load(name).config(), expected, "{name}");
    }
}

#[test]
fn config_file_sets_what_shapes_do_not_determine() {
    let copy = copy_of("t5x/v1_1");
    fs::copy(folder("v1_1").join("config.json"), copy.path().join("config.json")).unwrap();
    let model = T5::load(copy.path(), &Device::flex()).unwrap();
    assert_eq!(model.config(), load("v1_1").config());

    // A few fields do, the others being inferred.
    let text = r#"{"layer_norm_epsilon": 0.5, "relative_attention_max_distance": 40, "feed_forward_proj": "gated-silu"}"#;
    fs::write(copy.path().join("config.json"), text).unwrap();
    let model = T5::load(copy.path(), &Device::flex()).unwrap();
    let expected = load("t5x/v1_1")
        .config()
        .clone()
        .with_layer_norm_epsilon(0.5)
        .with_relative_attention_max_distance(40)
        .with_activation(Activation::Silu);
    assert_eq!(*model.config(), expected);
    let reference = reference("v1_1");
    assert_ne!(scores(&model, &reference), scores(&load("v1_1"), &reference));
}

#[test]
fn contradicting_config_file_is_reported_with_both_values() {
    let write = |text: &'static str| {
        move |folder: &Path| fs::write(folder.join("config.json"), text).unwrap()
    };
    let says = "to 24, but by the arrays of `";
    check("t5x/v1_0", write(r#"{"d_ff": 24}"#), &["config.json` sets `d_ff`", says, "it is 32"]);
    check("t5x/v1_0", write(r#"{"num_heads": 8, "d_kv": 2}"#), &["`d_kv` to 2", "it is 4"]);
    check(
        "t5x/v1_0",
        write(r#"{"num_decoder_layers": 3}"#),
        &["`num_decoder_layers` to 3", "it is 2"],
    );
    check(
        "t5x/v1_0",
        write(r#"{"feed_forward_proj": "gated-gelu"}"#),
        &["`is_gated_act` to true", "it is false"],
    );
    check(
        "t5x/v1_0",
        write(r#"{"model_type": "bart"}"#),
        &["config.json`", "`model_type`", "`bart`"],
    );
    check("t5x/v1_0", write("{"), &["cannot parse `", "config.json`", "line 1"]);
}

#[test]
fn saving_as_transformers_folder_preserves_the_model() {
    for (name, original) in CHECKPOINTS {
        let place = tempfile::tempdir().unwrap();
        load(name).save(place.path()).unwrap();
        let saved = T5::load(place.path(), &Device::flex()).unwrap();
        let reference = reference(original);
        assert_eq!(scores(&saved, &reference), scores(&load(original), &reference), "{name}");
    }
}

#[test]
fn missing_and_unused_arrays_are_reported() {
    // The same length, so that the rest of the msgpack file stays as it is.
    check(
        "t5x/v1_0",
        |folder| replace_bytes(folder, b"\xacencoder_norm", b"\xacencoder_form"),
        &["has no tensor `target.encoder.encoder_norm.scale`", "[16]"],
    );
    check(
        "t5x/v1_1",
        |folder| {
            let from = b"\xbdpre_self_attention_layer_norm";
            replace_bytes(folder, from, b"\xbdpre_self_attention_layer_form");
        },
        &["has no tensor `target.decoder.layers_1.pre_self_attention_layer_norm.scale`", "[16]"],
    );
    check(
        "t5x/v1_0",
        |folder| replace_bytes(folder, b"\xaetoken_embedder", b"\xaetokan_embedder"),
        &["is not a supported T5", "expected an array `target.token_embedder.embedding`"],
    );
    // A third layer of which there is no more than this.
    check(
        "t5x/v1_0",
        |folder| replace_bytes(folder, b"\xa8layers_1", b"\xa8layers_2"),
        &["has no tensor `target.encoder.layers_1."],
    );
    check(
        "t5x/bf16_scanned",
        |folder| replace_bytes(folder, b"\xb2pre_mlp_layer_norm", b"\xb2pre_mlq_layer_norm"),
        &[
            "expected arrays `target.encoder.layers_0.pre_mlp_layer_norm.scale` or `target.encoder.encoder.",
        ],
    );
}

#[test]
fn wrong_array_shapes_are_reported() {
    // The position bias of the encoder, [4, 32], determines the number of heads.
    check(
        "t5x/v1_0",
        |folder| replace_bytes(folder, b"\x93\x92\x04\x20\xa7", b"\x93\x92\x08\x10\xa7"),
        &[
            "`target.encoder.layers_0.attention.query.kernel`",
            "expected shape [16, 16], found [16, 4, 4]",
        ],
    );
    check(
        "t5x/v1_0",
        |folder| replace_bytes(folder, b"\x93\x92\x04\x20\xa7", b"\x93\x92\x20\x04\xa7"),
        &[
            "expected heads of one width",
            "32 heads in 16 outputs of `target.encoder.layers_0.attention",
        ],
    );
    check(
        "t5x/v1_1",
        |folder| {
            let path = folder.join("target.encoder.layers_1.mlp.wo.kernel/.zarray");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace("\"shape\":[32,16]", "\"shape\":[16,32]")).unwrap();
        },
        &["`target.encoder.layers_1.mlp.wo.kernel`", "[32, 16]", "has [16, 32]"],
    );
}

#[test]
fn damaged_files_are_reported() {
    check(
        "t5x/v1_1",
        |folder| fs::remove_file(folder.join("target.token_embedder.embedding/1.0")).unwrap(),
        &[
            "target.token_embedder.embedding/1.0` of array `target.token_embedder.embedding` is missing",
        ],
    );
    check(
        "t5x/v1_1",
        |folder| {
            let path = folder.join("checkpoint");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        },
        &["checkpoint` is truncated"],
    );
    let place = tempfile::tempdir().unwrap();
    copy_folder(&folder("t5x/v1_0"), &place.path().join("checkpoint_1000"));
    let error = T5::load(place.path(), &Device::flex()).unwrap_err();
    assert!(message(&error).contains("use the folder of one step, such as"), "{}", message(&error));
}

/// All arrays of a checkpoint, to be written with changes.
pub(crate) fn arrays(name: &str) -> BTreeMap<String, TensorData> {
    let checkpoint = Checkpoint::open(&folder(name)).unwrap();
    checkpoint.names().map(|name| (name.to_owned(), checkpoint.read(name).unwrap())).collect()
}

/// Writes arrays to a checkpoint and loads it.
pub(crate) fn rewritten(arrays: &BTreeMap<String, TensorData>) -> mtpt_t5::Result<T5> {
    rewritten_with(arrays, None)
}

/// Like [`rewritten`], with a `config.json` next to the arrays.
pub(crate) fn rewritten_with(
    arrays: &BTreeMap<String, TensorData>,
    config: Option<&str>,
) -> mtpt_t5::Result<T5> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("checkpoint_1");
    write(&path, arrays, 1).unwrap();
    if let Some(config) = config {
        fs::write(path.join("config.json"), config).unwrap();
    }
    T5::load(&path, &Device::flex())
}

#[test]
fn prompts_in_a_checkpoint_are_ignored() {
    let mut arrays = arrays("t5x/v1_0");
    let table = arrays["target.token_embedder.embedding"].clone();
    arrays.insert("target.encoder.prompt.prompt.prompt".to_owned(), table.clone());
    let reference = reference("v1_0");
    let expected = scores(&load("v1_0"), &reference);
    assert_eq!(scores(&rewritten(&arrays).unwrap(), &reference), expected);
    // Anything else is an error.
    arrays.insert("target.encoder.adapter.kernel".to_owned(), table);
    let error = message(&rewritten(&arrays).unwrap_err());
    assert!(error.contains("does not use: `target.encoder.adapter.kernel`"), "{error}");
}

#[test]
fn layers_may_be_stacked_along_the_first_axis() {
    let mut arrays = arrays("t5x/bf16_scanned");
    for (name, array) in &mut arrays {
        if name.starts_with("target.encoder.encoder.")
            || name.starts_with("target.decoder.decoder.")
        {
            let [rows, layers] = array.shape()[..2] else { panic!("{name}") };
            let inner: usize = array.shape()[2..].iter().product();
            let number = |layer: usize, row: usize, place: usize| {
                f32_values(array)[(row * layers + layer) * inner + place]
            };
            let mut values = Vec::new();
            for layer in 0..layers {
                for row in 0..rows {
                    values.extend((0..inner).map(|place| number(layer, row, place)));
                }
            }
            let mut shape = array.shape().to_vec();
            shape.swap(0, 1);
            *array = TensorData::new(values, shape);
        }
    }
    let reference = reference("bf16");
    let expected = scores(&load("bf16"), &reference);
    assert_eq!(scores(&rewritten(&arrays).unwrap(), &reference), expected);
    // One layer less in one array than in the others.
    let array = arrays.get_mut("target.encoder.encoder.mlp.wo.kernel").unwrap();
    let mut shape = array.shape().to_vec();
    shape[0] = 1;
    let values = f32_values(array);
    *array = TensorData::new(values[..values.len() / 2].to_vec(), shape);
    let error = message(&rewritten(&arrays).unwrap_err());
    let said =
        "expected 2 layers along axis 0 of `target.encoder.encoder.mlp.wo.kernel`, found shape [1,";
    assert!(error.contains(said), "{error}");
}

#[test]
fn tokenizer_may_be_next_to_the_steps() {
    let place = tempfile::tempdir().unwrap();
    let step = place.path().join("checkpoint_1000");
    copy_folder(&folder("t5x/v1_0"), &step);
    let config = load("t5x/v1_0").config().clone();
    let error = T5Tokenizer::load(&step, &config).unwrap_err().to_string();
    for part in ["checkpoint_1000`: put its `spiece.model` or `tokenizer.json`", "or into `"] {
        assert!(error.contains(part), "{error}");
    }
    let file = folder("tokenizer").join("tokenizer.json");
    fs::copy(&file, place.path().join("tokenizer.json")).unwrap();
    let expected = T5Tokenizer::load(&folder("tokenizer"), &config).unwrap();
    let text = "one three";
    let check = |tokenizer: T5Tokenizer| {
        assert_eq!(tokenizer.encode(text).unwrap(), expected.encode(text).unwrap());
    };
    check(T5Tokenizer::load(&step, &config).unwrap());
    // It goes with the model when that is saved.
    let saved = place.path().join("saved");
    load("t5x/v1_0").save_with_tokenizer(&saved, &step).unwrap();
    check(T5Tokenizer::load(&saved, &config).unwrap());
    fs::copy(file, step.join("tokenizer.json")).unwrap();
    fs::write(place.path().join("tokenizer.json"), "not read").unwrap();
    check(T5Tokenizer::load(&step, &config).unwrap());
}
