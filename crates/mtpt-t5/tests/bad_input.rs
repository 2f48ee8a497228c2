use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use mtpt_t5::{
    Backbone, Beam, GenerationConfig, Inputs, Sampling, Strategy, T5, T5Config, T5Tokenizer,
};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

use crate::fixtures::{folder, load, message, padded};

/// Asserts that loading fails with a message that contains all parts.
#[track_caller]
fn check(folder: &Path, parts: &[&str]) {
    let error = T5::load(folder, &Device::flex()).expect_err("loading must fail");
    let message = message(&error);
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

fn copy_of(name: &str) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// A copy of a checkpoint with some of its tensors changed: `(type, shape, bytes)` by name.
type Tensors = BTreeMap<String, (safetensors::Dtype, Vec<usize>, Vec<u8>)>;

fn with_tensors(name: &str, change: impl FnOnce(&mut Tensors)) -> TempDir {
    let copy = copy_of(name);
    let path = copy.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Tensors = file
        .iter()
        .map(|(name, view)| {
            (name.to_owned(), (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        })
        .collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
    copy
}

fn with_config(name: &str, from: &str, to: &str) -> TempDir {
    let copy = copy_of(name);
    let path = copy.path().join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
    copy
}

const KEY: &str = "encoder.block.1.layer.0.SelfAttention.q.weight";

#[test]
fn missing_tensor_is_reported_with_its_shape() {
    let copy = with_tensors("v1_0", |tensors| {
        tensors.remove(KEY).unwrap();
    });
    check(copy.path(), &["model.safetensors` has no tensor", KEY, "[16, 16]"]);
}

#[test]
fn missing_embedding_table_is_reported() {
    let copy = with_tensors("v1_0", |tensors| {
        tensors.remove("shared.weight").unwrap();
    });
    check(copy.path(), &["has no tensor `shared.weight`", "[96, 16]"]);
}

#[test]
fn wrong_tensor_shape_is_reported_with_both_shapes() {
    let copy = with_tensors("v1_0", |tensors| {
        tensors.get_mut(KEY).unwrap().1 = vec![8, 32];
    });
    check(copy.path(), &["model.safetensors", KEY, "expected shape [16, 16], found [8, 32]"]);
    let copy = with_config("v1_0", "\"num_heads\": 4", "\"num_heads\": 2");
    check(copy.path(), &["model.safetensors", "[32, 2]", "[32, 4]"]);
}

#[test]
fn integer_tensor_is_rejected() {
    let copy = with_tensors("v1_0", |tensors| {
        tensors.get_mut(KEY).unwrap().0 = safetensors::Dtype::I32;
    });
    check(copy.path(), &["model.safetensors", KEY, "expected f32, f16, bf16 or f64", "I32"]);
}

#[test]
fn unused_tensors_are_reported() {
    let copy = with_tensors("v1_0", |tensors| {
        let tensor = tensors[KEY].clone();
        tensors.insert("encoder.block.9.layer.0.SelfAttention.q.weight".to_owned(), tensor);
    });
    check(copy.path(), &["model.safetensors", "does not use: `encoder.block.9"]);
    // A decoder of fewer layers than the file has.
    let copy = with_config("v1_0", "\"num_decoder_layers\": 2", "\"num_decoder_layers\": 1");
    check(copy.path(), &["does not use: `decoder.block.1", "more"]);
}

#[test]
fn different_embedding_tables_are_rejected() {
    let copy = with_tensors("v1_0", |tensors| {
        let mut tensor = tensors["shared.weight"].clone();
        tensor.2[0] ^= 1;
        tensors.insert("decoder.embed_tokens.weight".to_owned(), tensor);
    });
    check(
        copy.path(),
        &["`shared.weight`", "`decoder.embed_tokens.weight`", "one embedding table"],
    );
}

#[test]
fn equal_copies_of_the_table_are_accepted() {
    let copy = with_tensors("v1_0", |tensors| {
        let tensor = tensors.remove("shared.weight").unwrap();
        tensors.insert("encoder.embed_tokens.weight".to_owned(), tensor.clone());
        tensors.insert("lm_head.weight".to_owned(), tensor);
    });
    let model = T5::load(copy.path(), &Device::flex()).unwrap();
    assert!(model.config().tie_word_embeddings);
}

#[test]
fn truncated_files_are_reported_with_both_lengths() {
    let copy = copy_of("v1_0");
    let path = copy.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    for length in [bytes.len() - 1, bytes.len() / 2, 100] {
        fs::write(&path, &bytes[..length]).unwrap();
        check(
            copy.path(),
            &["model.safetensors` is truncated or damaged", &format!("found {length}")],
        );
    }
    for length in [0, 7] {
        fs::write(&path, &bytes[..length]).unwrap();
        check(copy.path(), &["model.safetensors` is not a safetensors file"]);
    }
    let mut longer = bytes.clone();
    longer.push(0);
    fs::write(&path, longer).unwrap();
    check(copy.path(), &["model.safetensors", &format!("expected {} bytes", bytes.len())]);
    fs::write(&path, [0xff; 64]).unwrap();
    check(copy.path(), &["model.safetensors` is truncated or damaged"]);
    let mut garbled = bytes;
    garbled[8..40].fill(b'x');
    fs::write(&path, garbled).unwrap();
    check(copy.path(), &["model.safetensors` is not a safetensors file"]);
}

#[test]
fn damaged_pytorch_files_are_reported() {
    let copy = copy_of("v1_0_old");
    let path = copy.path().join("pytorch_model.bin");
    let bytes = fs::read(&path).unwrap();
    for length in [bytes.len() / 2, 10, 0] {
        fs::write(&path, &bytes[..length]).unwrap();
        check(copy.path(), &["pytorch_model.bin"]);
    }
}

#[test]
fn missing_files_are_reported() {
    let copy = copy_of("v1_0");
    fs::remove_file(copy.path().join("model.safetensors")).unwrap();
    check(copy.path(), &["contains none of", "`model.safetensors`", "`pytorch_model.bin`"]);
    let copy = copy_of("v1_0");
    fs::remove_file(copy.path().join("config.json")).unwrap();
    check(copy.path(), &["contains none of", "`config.json`"]);
    let copy = copy_of("sharded");
    fs::remove_file(copy.path().join("model-00002-of-00002.safetensors")).unwrap();
    check(copy.path(), &["index.json", "missing: `model-00002-of-00002.safetensors`"]);
}

#[test]
fn missing_folder_is_reported() {
    check(Path::new("/nowhere/at-all"), &["no model at `/nowhere/at-all`", "hub"]);
}

#[test]
fn invalid_configurations_are_reported_with_the_file() {
    let copy = with_config("v1_0", "\"relu\"", "\"geglu\"");
    check(copy.path(), &["config.json", "unknown `feed_forward_proj` `geglu`", "`relu`, `gelu`"]);
    let copy = with_config("v1_0", "\"d_kv\": 4", "\"d_kv\": 0");
    check(copy.path(), &["config.json", "`d_kv` must be positive, but is `0`"]);
    let copy = with_config("v1_0", "\"d_kv\": 4", "\"d_kv\": \"four\"");
    check(copy.path(), &["config.json", "`d_kv` must be a whole number, 0 or more", "\"four\""]);
    let copy = with_config("v1_0", "\"d_kv\": 4,", "\"d_kv\": 4,,");
    check(copy.path(), &["cannot parse", "config.json`: invalid JSON in line 7, column 13"]);
    let copy = with_config("v1_0", "{", "");
    check(copy.path(), &["cannot parse", "config.json", "expected a JSON object, found text"]);
    for (content, found) in [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 700\n",
            "Git LFS pointer",
        ),
        ("<!DOCTYPE html>\n<html>Not found</html>", "an HTML page"),
        ("", "an empty file"),
    ] {
        fs::write(copy.path().join("config.json"), content).unwrap();
        check(copy.path(), &["config.json`: expected a JSON object, found", found]);
    }
}

#[test]
fn too_large_tokenizer_is_reported_with_both_sizes() {
    let path = folder("tokenizer");
    let config = T5Config::new(6, 8, 4, 8, 1, 1, 2);
    let error = T5Tokenizer::load(&path, &config).unwrap_err();
    let message = message(&error);
    assert!(
        message.contains("ids up to 8") && message.contains("vocabulary size is 6"),
        "{message}"
    );
    assert!(T5Tokenizer::load(&path, &T5Config { vocab_size: 9, ..config }).is_ok());
}

#[test]
fn missing_and_damaged_tokenizers_are_reported() {
    let place = tempfile::tempdir().unwrap();
    let config = T5Config::small();
    let load = || message(&T5Tokenizer::load(place.path(), &config).unwrap_err());
    assert!(load().contains("expected `tokenizer.json` or `spiece.model`"));
    fs::write(place.path().join("spiece.model"), b"\xff\xffnot a model").unwrap();
    assert!(load().contains("spiece.model` is not a valid tokenizer"), "{}", load());
    fs::write(place.path().join("tokenizer.json"), b"{}").unwrap();
    assert!(load().contains("tokenizer.json` is not a valid tokenizer"), "{}", load());
}

#[test]
fn targets_must_fit_the_batch_and_the_vocabulary() {
    let model = load("v1_0");
    let device = Device::flex();
    let score = |targets: &[Vec<u32>]| {
        let (ids, mask) = padded(&[vec![3, 4], vec![5]], &device);
        model.score(Inputs::new(model.embed(ids), mask), targets)
    };
    let error = score(&[vec![3]]).unwrap_err().to_string();
    assert_eq!(error, "expected targets for each of 2 rows, found 1");
    let error = score(&[vec![3], vec![4, 96]]).unwrap_err().to_string();
    assert_eq!(error, "token id 96 of row 1 must be less than the vocabulary size, 96");
}

#[test]
fn decoding_options_are_checked() {
    let check = |config: GenerationConfig, expected: &str| {
        assert_eq!(config.check().unwrap_err().to_string(), expected);
    };
    check(
        GenerationConfig { max_new_tokens: 0, ..Default::default() },
        "`max_new_tokens` must be positive, but is `0`",
    );
    let with = |strategy| GenerationConfig { strategy, ..Default::default() };
    check(
        with(Strategy::Beam(Beam { num_beams: 0, ..Default::default() })),
        "`num_beams` must be positive, but is `0`",
    );
    check(
        with(Strategy::Sample(Sampling { temperature: 0.0, ..Default::default() })),
        "`temperature` must be positive, but is `0`",
    );
    check(
        with(Strategy::Sample(Sampling { top_p: Some(1.5), ..Default::default() })),
        "`top_p` must be in (0, 1], but is `1.5`",
    );
}

/// Sizes up to the largest integer. Memory for most of them doesn't exist.
const SIZES: [u64; 8] = [0, 1, 1 << 16, 1 << 28, 1 << 40, 1 << 62, 1 << 63, u64::MAX];

#[test]
fn every_size_of_the_configuration_is_compared_with_the_tensors() {
    for key in
        ["num_layers", "num_decoder_layers", "d_model", "d_kv", "d_ff", "num_heads", "vocab_size"]
    {
        for size in SIZES {
            let copy = copy_of("v1_0");
            set(copy.path(), key, size.into());
            // Other numbers of heads have other widths, and one head has all of the width.
            check(copy.path(), &[copy.path().to_str().unwrap()]);
        }
    }
    for key in ["relative_attention_num_buckets", "relative_attention_max_distance"] {
        for size in SIZES {
            let copy = copy_of("v1_0");
            set(copy.path(), key, size.into());
            // The distance is in no shape.
            let is_unknown = key == "relative_attention_max_distance" && size > 1;
            assert_eq!(T5::load(copy.path(), &Device::flex()).is_ok(), is_unknown, "{key} {size}");
        }
    }
}

/// Sets a field of the configuration in a folder.
fn set(folder: &Path, key: &str, value: serde_json::Value) {
    let path = folder.join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    config[key] = value;
    fs::write(path, config.to_string()).unwrap();
}

#[test]
fn blocks_without_weights_are_counted() {
    for (key, stack) in [("num_layers", "encoder"), ("num_decoder_layers", "decoder")] {
        let copy = copy_of("v1_0");
        set(copy.path(), key, 1_000_000_000_000_u64.into());
        let expected =
            format!("blocks of the {stack}, but `{key}` of its configuration is 1000000000000");
        check(copy.path(), &["model.safetensors` has ", &expected]);
        // Of a few blocks, each missing tensor is reported.
        set(copy.path(), key, 100.into());
        check(copy.path(), &["does not match the configuration of its model", "tensors missing"]);
    }
}

#[test]
fn any_radius_and_block_size_of_long_t5_is_usable() {
    let name = "family/longt5_global";
    for key in ["local_radius", "global_block_size"] {
        for size in SIZES {
            let copy = copy_of(name);
            set(copy.path(), key, size.into());
            let Ok(t5) = T5::load(copy.path(), &Device::flex()) else {
                assert_eq!((key, size), ("global_block_size", 0));
                continue;
            };
            let (ids, mask) = padded(&[vec![3, 4, 5, 6, 7, 1]], &Device::flex());
            t5.encode(t5.embed(ids), mask);
        }
    }
}

#[test]
fn limits_of_generation_are_named() {
    let beams = |num_beams| Strategy::Beam(Beam { num_beams, ..Default::default() });
    for (config, expected) in [
        (
            GenerationConfig { max_new_tokens: usize::MAX, ..Default::default() },
            "`max_new_tokens` must be at most 1000000, but is",
        ),
        (
            GenerationConfig { strategy: beams(usize::MAX), ..Default::default() },
            "`num_beams` must be at most 4096, but is",
        ),
        (
            GenerationConfig {
                strategy: Strategy::Sample(Sampling::default()),
                num_return_sequences: 1 << 40,
                ..Default::default()
            },
            "`num_return_sequences` must be at most 4096, but is `1099511627776`",
        ),
    ] {
        let message = config.check().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}
