use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_t5::{Backbone, Inputs, T5, WeightFormat};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use tempfile::TempDir;

use crate::fixtures::{TOLERANCE, assert_close, folder, message, padded};

const KEY: &str = "encoder.block.0.layer.0.SelfAttention.q.weight";

/// Results of transformers, see `scripts/generate_checkpoint_reference.py`.
#[derive(Deserialize)]
struct Reference {
    inputs: Vec<Vec<u32>>,
    targets: Vec<Vec<u32>>,
    token_log_probabilities: Vec<Vec<f32>>,
    ties: Vec<Tables>,
    ties_unscaled: Vec<Tables>,
}

/// Embedding tables of a checkpoint: absent, `table`, or `reversed`.
#[derive(Debug, Deserialize)]
struct Tables {
    shared: Option<String>,
    encoder: Option<String>,
    decoder: Option<String>,
    head: Option<String>,
    /// Whether transformers uses one table for the encoder and the decoder.
    one_table: bool,
    #[serde(default)]
    log_probabilities: Vec<Vec<f32>>,
}

fn fixture(name: &str) -> PathBuf {
    folder("checkpoints").join(name)
}

fn reference() -> Reference {
    serde_json::from_slice(&fs::read(fixture("reference.json")).unwrap()).unwrap()
}

/// Type, shape and bytes of tensors by name.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn tensors() -> Tensors {
    let bytes = fs::read(fixture("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |view: TensorView<'_>| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
    file.iter().map(|(name, view)| (name.to_owned(), tensor(view))).collect()
}

fn write(tensors: &Tensors, path: &Path) {
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// A folder with a configuration and no weights.
fn without_weights() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::copy(fixture("config.json"), place.path().join("config.json")).unwrap();
    place
}

fn model_of(tensors: &Tensors) -> TempDir {
    let place = without_weights();
    write(tensors, &place.path().join("model.safetensors"));
    place
}

fn scores(model: &T5, reference: &Reference) -> Vec<f32> {
    let (ids, mask) = padded(&reference.inputs, &Device::flex());
    model.score(Inputs::new(model.embed(ids), mask), &reference.targets).unwrap().concat()
}

#[track_caller]
fn check_loads(folder: &Path, what: &str) {
    let model = match T5::load(folder, &Device::flex()) {
        Ok(model) => model,
        Err(error) => panic!("{what}: {}", message(&error)),
    };
    let reference = reference();
    let expected = reference.token_log_probabilities.concat();
    assert_close(&scores(&model, &reference), &expected, TOLERANCE, what);
}

/// Asserts that loading fails with a message that contains all parts.
#[track_caller]
fn check_fails(folder: &Path, parts: &[&str]) {
    let message = message(&T5::load(folder, &Device::flex()).expect_err("loading must fail"));
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    for jargon in ["serde", "expected value", "EOF", "os error", "opcode"] {
        assert!(!message.contains(jargon), "{message}");
    }
}

#[test]
fn prefixed_names_are_read() {
    for prefix in [
        "",
        "module.",
        "model.",
        "transformer.",
        "base_model.model.",
        "_orig_mod.",
        "module._orig_mod.",
        "state_dict.model.",
        "_forward_module.model.",
    ] {
        let prefixed =
            tensors().into_iter().map(|(name, tensor)| (prefix.to_owned() + &name, tensor));
        check_loads(model_of(&prefixed.collect()).path(), prefix);
    }
    // FSDP and activation checkpointing wrap modules inside the model.
    let wrapped = tensors().into_iter().map(|(name, tensor)| {
        let name =
            name.replace("block.0.", "block.0._fsdp_wrapped_module._checkpoint_wrapped_module.");
        (format!("_fsdp_wrapped_module.{name}"), tensor)
    });
    check_loads(model_of(&wrapped.collect()).path(), "FSDP");
}

#[test]
fn files_of_training_programs_are_read() {
    for (file, name) in [
        ("lightning.ckpt", "epoch=2-step=30.ckpt"),
        ("lightning.ckpt", "pytorch_model.bin"),
        ("nested.pt", "best.pt"),
        ("nested.pt", "pytorch_model.bin"),
        ("before_1_6.bin", "pytorch_model.bin"),
        ("f64.bin", "pytorch_model.bin"),
        ("whole.pt", "model.pth"),
        // The content decides, not the name.
        ("model.safetensors", "pytorch_model.bin"),
        ("f64.bin", "model.safetensors"),
    ] {
        let place = without_weights();
        fs::copy(fixture(file), place.path().join(name)).unwrap();
        // Files of the trainer are no weights.
        for other in ["optimizer.pt", "training_args.bin", "rng_state.pth", "scheduler.pt"] {
            fs::write(place.path().join(other), "not read").unwrap();
        }
        check_loads(place.path(), &format!("{file} as {name}"));
    }
}

#[test]
fn ambiguous_checkpoints_are_rejected() {
    let mut two = Tensors::new();
    for (name, tensor) in tensors() {
        two.insert(format!("student.{name}"), tensor.clone());
        two.insert(format!("teacher.{name}"), tensor);
    }
    check_fails(
        model_of(&two).path(),
        &["model.safetensors` contains several models", "`student.`, `teacher.`"],
    );
    let mut same = tensors();
    same.insert(format!("_orig_mod.{KEY}"), same[KEY].clone());
    check_fails(model_of(&same).path(), &["the same tensor several times", KEY]);
    let place = without_weights();
    for name in ["epoch=1.ckpt", "epoch=2.ckpt"] {
        fs::copy(fixture("lightning.ckpt"), place.path().join(name)).unwrap();
    }
    check_fails(place.path(), &["several files", "`epoch=1.ckpt`, `epoch=2.ckpt`", "rename"]);
}

#[test]
fn tensors_without_a_use_are_named() {
    let with = |name: &str, prefix: &str| {
        let prefixed =
            tensors().into_iter().map(|(name, tensor)| (prefix.to_owned() + &name, tensor));
        let mut prefixed: Tensors = prefixed.collect();
        prefixed.insert(name.to_owned(), tensors()[KEY].clone());
        model_of(&prefixed)
    };
    for (name, prefix) in [
        ("classification_head.dense.weight", ""),
        ("encoder.block.0.layer.0.SelfAttention.rotary_emb.inv_freq", ""),
        ("classification_head.dense.weight", "transformer."),
        ("prompt_encoder.default.embedding.weight", "base_model."),
    ] {
        check_fails(with(name, prefix).path(), &["does not use: ", &format!("`{name}`")]);
    }
    check_loads(with("optimizer.state.0.exp_avg", "model.").path(), "an optimizer");
    check_fails(
        with("encoder.block.0.layer.0.SelfAttention.q.lora_A.weight", "").path(),
        &["LoRA adapters", "merge_and_unload"],
    );
}

#[test]
fn other_models_are_described() {
    let bert = BTreeMap::from([("bert.pooler.weight".to_owned(), tensors()[KEY].clone())]);
    check_fails(
        model_of(&bert).path(),
        &["model.safetensors` contains no T5", "found `bert.pooler.weight`"],
    );
    let flat = BTreeMap::from([("_flat_param".to_owned(), tensors()[KEY].clone())]);
    check_fails(model_of(&flat).path(), &["contains no T5", "`_flat_param`"]);
    let place = without_weights();
    fs::copy(fixture("empty.ckpt"), place.path().join("pytorch_model.bin")).unwrap();
    check_fails(place.path(), &["no tensors but the keys `epoch`, `hyper_parameters`"]);
}

#[test]
fn missing_and_misshapen_tensors_are_counted() {
    let mut decoder_only = tensors();
    decoder_only.retain(|name, _| !name.starts_with("encoder.block"));
    check_fails(
        model_of(&decoder_only).path(),
        &["9 tensors missing (`encoder.block.0", "and 4 more", "does not match the configuration"],
    );
    let mut wrong = tensors();
    for (name, (_, shape, _)) in &mut wrong {
        if name.contains("DenseReluDense.wi") {
            shape.reverse();
        }
    }
    check_fails(model_of(&wrong).path(), &["2 tensors of another shape", "expected shape [6, 4]"]);
    // Weights that DeepSpeed distributed over several devices.
    let mut zero = tensors();
    for (dtype, shape, bytes) in zero.values_mut() {
        (*dtype, *shape, *bytes) = (Dtype::F32, vec![0], Vec::new());
    }
    check_fails(model_of(&zero).path(), &["zero_to_fp32.py"]);
}

#[test]
fn every_combination_of_tables_matches_transformers_or_is_rejected() {
    let reference = reference();
    let original = tensors()["shared.weight"].clone();
    let (dtype, shape, bytes) = original.clone();
    let reversed: Vec<u8> = bytes.rchunks_exact(4 * shape[1]).flatten().copied().collect();
    let reversed = (dtype, shape, reversed);
    let unscaled = fs::read_to_string(fixture("config.json"))
        .unwrap()
        .replace("\"scale_decoder_outputs\": true,", "")
        .replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
    let mut loaded = 0;
    for (is_scaled, tables) in reference
        .ties
        .iter()
        .map(|tables| (true, tables))
        .chain(reference.ties_unscaled.iter().map(|tables| (false, tables)))
    {
        let mut all = tensors();
        all.remove("shared.weight");
        let choices = [
            ("shared.weight", &tables.shared),
            ("encoder.embed_tokens.weight", &tables.encoder),
            ("decoder.embed_tokens.weight", &tables.decoder),
            ("lm_head.weight", &tables.head),
        ];
        for (name, choice) in choices {
            if let Some(choice) = choice {
                let table = if choice == "table" { &original } else { &reversed };
                all.insert(name.to_owned(), table.clone());
            }
        }
        let place = model_of(&all);
        if !is_scaled {
            fs::write(place.path().join("config.json"), &unscaled).unwrap();
        }
        match T5::load(place.path(), &Device::flex()) {
            Ok(model) => {
                assert!(tables.one_table, "{tables:?}");
                let expected = tables.log_probabilities.concat();
                let what = format!("{tables:?}");
                assert_close(&scores(&model, &reference), &expected, TOLERANCE, &what);
                loaded += 1;
            }
            Err(error) => {
                let message = message(&error);
                let differ = choices[..3].iter().filter_map(|(_, choice)| choice.as_ref());
                let differ: std::collections::BTreeSet<_> = differ.collect();
                let is_expected = if choices.iter().all(|(_, choice)| choice.is_none()) {
                    message.contains("no tensor `shared.weight`")
                } else {
                    differ.len() == 2 && message.contains("one embedding table")
                };
                assert!(is_expected, "{tables:?}: {message}");
            }
        }
    }
    // For each configuration: equal tables in one to three places with one of three heads, or a
    // head only.
    assert_eq!(loaded, 2 * (2 * 7 * 3 + 2));
}

#[test]
fn element_types_are_converted_or_rejected_by_name() {
    let place = without_weights();
    fs::copy(fixture("fp8.bin"), place.path().join("pytorch_model.bin")).unwrap();
    check_fails(place.path(), &["pytorch_model.bin", "float8_e4m3fn", "without quantization"]);
    for (dtype, name) in
        [(Dtype::I8, "I8"), (Dtype::F8_E4M3, "F8_E4M3"), (Dtype::F8_E5M2, "F8_E5M2")]
    {
        let mut quantized = tensors();
        let tensor = quantized.get_mut(KEY).unwrap();
        *tensor = (dtype, vec![4, 4], vec![1; 16]);
        check_fails(model_of(&quantized).path(), &[KEY, "expected f32, f16, bf16 or f64", name]);
    }
}

#[test]
fn values_that_are_not_finite_are_named() {
    for (value, text) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        for name in [KEY, "shared.weight", "decoder.final_layer_norm.weight"] {
            let mut poisoned = tensors();
            let (_, shape, bytes) = poisoned.get_mut(name).unwrap();
            let last = bytes.len() - 4;
            bytes[last..].copy_from_slice(&value.to_le_bytes());
            let index: Vec<usize> = shape.iter().map(|size| size - 1).collect();
            let found = format!("found {text} at {index:?}");
            check_fails(model_of(&poisoned).path(), &["model.safetensors", name, &found]);
        }
    }
    let mut half = tensors();
    half.insert(KEY.to_owned(), (Dtype::F16, vec![4, 4], [0x00, 0x7c].repeat(16)));
    check_fails(model_of(&half).path(), &[KEY, "found inf at [0, 0]"]);
    let mut double = tensors();
    let large: Vec<u8> = 1e39_f64.to_le_bytes().repeat(16);
    double.insert(KEY.to_owned(), (Dtype::F64, vec![4, 4], large));
    check_fails(model_of(&double).path(), &[KEY, "in the range of 32-bit floats", "[0, 0]"]);
}

#[test]
fn values_beyond_the_chosen_precision_are_named() {
    let mut large = tensors();
    large.get_mut(KEY).unwrap().2[4..8].copy_from_slice(&70_000_f32.to_le_bytes());
    let place = model_of(&large);
    let load = |format| T5::load_as(place.path(), format, &Device::flex());
    assert!(load(WeightFormat::F32).is_ok());
    assert!(load(WeightFormat::Bf16).is_ok());
    let message = message(&load(WeightFormat::F16).unwrap_err());
    assert!(message.contains(KEY) && message.contains("70000 exceeds the range of"), "{message}");
}

#[test]
fn placeholders_for_weights_are_described() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:9f\nsize 242043056\n";
    let xml = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>";
    for (content, parts) in [
        ("", ["found an empty file", "again"].as_slice()),
        (pointer, &["a Git LFS pointer to a file of 242043056 bytes", "`git lfs pull`"]),
        ("<!DOCTYPE html>\n<html><body>Sign in</body></html>", &["an HTML page"]),
        ("{\"error\": \"Repository not found\"}", &["JSON text", "server"]),
        (xml, &["an XML document", "server"]),
        ("Entry not found", &["text that starts with `Entry not found`"]),
    ] {
        for name in
            ["model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "last.ckpt"]
        {
            let place = without_weights();
            fs::write(place.path().join(name), content).unwrap();
            // A JSON object may be an index.
            if name.ends_with(".json") && content.starts_with('{') {
                check_fails(place.path(), &[name, "`weight_map`", "found none"]);
                continue;
            }
            let mut parts = parts.to_vec();
            parts.push(name);
            check_fails(place.path(), &parts);
        }
    }
}

#[test]
fn truncated_pytorch_files_are_reported() {
    for file in ["f64.bin", "before_1_6.bin", "lightning.ckpt", "whole.pt"] {
        let bytes = fs::read(fixture(file)).unwrap();
        for length in [4, 40, 1000, bytes.len() / 2, bytes.len() - 30, bytes.len() - 1] {
            let place = without_weights();
            fs::write(place.path().join("pytorch_model.bin"), &bytes[..length]).unwrap();
            check_fails(place.path(), &["pytorch_model.bin", "truncated or damaged"]);
        }
    }
}

/// Writes the tensors to two files and an index.
fn sharded(change: impl FnOnce(&mut Tensors, &mut Tensors, &mut serde_json::Value)) -> TempDir {
    let place = without_weights();
    let (mut first, mut second): (Tensors, Tensors) =
        tensors().into_iter().partition(|(name, _)| name.starts_with("encoder"));
    let names = first.keys().map(|name| (name.clone(), "a.safetensors"));
    let names = names.chain(second.keys().map(|name| (name.clone(), "b.safetensors")));
    let map: BTreeMap<String, &str> = names.collect();
    let mut index = serde_json::json!({ "metadata": { "total_size": 1 }, "weight_map": map });
    change(&mut first, &mut second, &mut index);
    write(&first, &place.path().join("a.safetensors"));
    write(&second, &place.path().join("b.safetensors"));
    let path = place.path().join("model.safetensors.index.json");
    fs::write(path, index.to_string()).unwrap();
    place
}

#[test]
fn indices_that_do_not_match_their_files_are_reported() {
    check_loads(sharded(|_, _, _| {}).path(), "two files");
    // A tensor that the index doesn't list, and one that both files have.
    let extra = sharded(|first, second, index| {
        index["weight_map"].as_object_mut().unwrap().remove(KEY);
        second.insert(KEY.to_owned(), first[KEY].clone());
    });
    check_loads(extra.path(), "an unlisted tensor");
    let differing = sharded(|first, second, _| {
        let mut tensor = first[KEY].clone();
        tensor.2[0] ^= 1;
        second.insert(KEY.to_owned(), tensor);
    });
    check_fails(differing.path(), &["`a.safetensors` and `b.safetensors`", "different", KEY]);
    let absent = sharded(|first, _, _| {
        first.remove(KEY);
    });
    check_fails(absent.path(), &["1 of its tensors are not in their files", KEY, "a.safetensors"]);
    let place = sharded(|_, _, _| {});
    fs::remove_file(place.path().join("b.safetensors")).unwrap();
    check_fails(place.path(), &["index.json", "1 of the 2 files", "missing: `b.safetensors`"]);
    let place = sharded(|_, _, index| index["weight_map"] = serde_json::json!({}));
    check_fails(place.path(), &["index.json", "`weight_map`", "found an empty one"]);
    let place = sharded(|_, _, index| index["weight_map"][KEY] = "../a.safetensors".into());
    check_fails(place.path(), &["index.json", KEY, "../a.safetensors"]);
    let place = sharded(|_, _, index| index["weight_map"][KEY] = 3.into());
    check_fails(place.path(), &["index.json", KEY, "found 3"]);
    fs::write(place.path().join("model.safetensors.index.json"), "{\n\"weight_map\": {,}").unwrap();
    check_fails(place.path(), &["index.json", "a mistake in line 2"]);
    // One file without an index takes precedence, as in transformers.
    let place = sharded(|_, _, index| index["weight_map"] = 3.into());
    write(&tensors(), &place.path().join("model.safetensors"));
    fs::write(place.path().join("pytorch_model.bin"), "damaged").unwrap();
    check_loads(place.path(), "several files");
}

#[test]
fn weights_of_other_programs_are_described() {
    for (file, parts) in [
        ("tf_model.h5", ["TensorFlow", "from_tf=True"].as_slice()),
        ("flax_model.msgpack", &["Flax", "from_flax=True"]),
        ("t5-q4.gguf", &["GGUF", "original model"]),
        ("encoder_model.onnx", &["ONNX", "original model"]),
        ("model.ckpt.index", &["TensorFlow 1"]),
    ] {
        let place = without_weights();
        fs::write(place.path().join(file), "some bytes").unwrap();
        let mut parts = parts.to_vec();
        parts.push(file);
        check_fails(place.path(), &parts);
    }
    #[cfg(unix)]
    {
        let place = without_weights();
        let link = place.path().join("model.safetensors");
        std::os::unix::fs::symlink("../../blobs/12ab", link).unwrap();
        let parts = ["model.safetensors` is a link to `../../blobs/12ab`, which does not exist"];
        check_fails(place.path(), &parts);
    }
    let adapter = tempfile::tempdir().unwrap();
    let config = r#"{"peft_type": "LORA", "base_model_name_or_path": "google/flan-t5-base"}"#;
    fs::write(adapter.path().join("adapter_config.json"), config).unwrap();
    let parts = ["is a PEFT adapter of type `LORA`, not a model", "`google/flan-t5-base`"];
    check_fails(adapter.path(), &parts);
    fs::copy(fixture("config.json"), adapter.path().join("config.json")).unwrap();
    fs::write(adapter.path().join("adapter_model.bin"), "not read").unwrap();
    check_fails(adapter.path(), &parts);
}
