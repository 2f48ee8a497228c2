use burn::module::Module;
use burn::tensor::{DType, Device};
use mtpt_t5::{Activation, Backbone, Inputs, T5, T5Config, WeightFormat};

use crate::fixtures::{TOLERANCE, VARIANTS, assert_close, folder, load, padded, reference};

fn scores(model: &T5, of: &str) -> Vec<f32> {
    let reference = reference(of);
    let (ids, mask) = padded(&reference.inputs, &Device::flex());
    model.score(Inputs::new(model.embed(ids), mask), &reference.targets).unwrap().concat()
}

#[test]
fn every_file_format_loads_the_same_model() {
    let expected = scores(&load("v1_0"), "v1_0");
    for name in ["sharded", "sharded_bin"] {
        assert_eq!(scores(&load(name), "v1_0"), expected, "{name}");
    }
}

#[test]
fn the_tensors_decide_whether_the_head_is_the_table() {
    for (name, tied, scaled) in [
        ("v1_0", true, true),
        ("v1_0_old", true, true),
        ("v1_1", false, false),
        ("gated_silu", true, false),
    ] {
        let model = load(name);
        let config = model.config();
        assert_eq!(
            (config.tie_word_embeddings, config.scale_decoder_outputs),
            (tied, scaled),
            "{name}"
        );
    }
    assert_eq!(load("v1_1").config().activation, Activation::GeluTanh);
}

#[test]
fn half_precision_files_load_as_f32_by_default() {
    let device = Device::flex();
    let model = load("bf16");
    let (ids, _) = padded(&[vec![3]], &device);
    assert_eq!(model.embed(ids.clone()).dtype(), DType::F32);
    let model = T5::load_as(&folder("bf16"), WeightFormat::Bf16, &device).unwrap();
    assert_eq!(model.embed(ids).dtype(), DType::BF16);
    // Eight bits of precision at logits near 10, through four layers.
    let expected = reference("bf16").token_log_probabilities.concat();
    assert_close(&scores(&model, "bf16"), &expected, 1.0, "bf16");
}

#[test]
fn saving_and_loading_preserves_the_model() {
    for name in VARIANTS {
        let model = load(name);
        let place = tempfile::tempdir().unwrap();
        let saved = place.path().join("a/b");
        model.save(&saved).unwrap();
        let loaded = T5::load(&saved, &Device::flex()).unwrap();
        assert_eq!(loaded.config(), model.config(), "{name}");
        assert_eq!(scores(&loaded, name), scores(&model, name), "{name}");
        let mut files: Vec<_> = saved
            .parent()
            .unwrap()
            .read_dir()
            .unwrap()
            .chain(saved.read_dir().unwrap())
            .map(|entry| entry.unwrap().file_name())
            .collect();
        files.sort();
        // No temporary files are left.
        assert_eq!(files, ["b", "config.json", "model.safetensors"], "{name}");
    }
}

#[test]
fn saving_over_a_model_keeps_other_files() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("tokenizer.json"), "{}").unwrap();
    load("v1_0").save(place.path()).unwrap();
    load("v1_1").save(place.path()).unwrap();
    let loaded = T5::load(place.path(), &Device::flex()).unwrap();
    assert_eq!(loaded.config(), load("v1_1").config());
    assert!(place.path().join("tokenizer.json").is_file());
}

#[test]
fn half_precision_is_preserved_on_saving() {
    let device = Device::flex();
    let model = T5::load_as(&folder("bf16"), WeightFormat::Bf16, &device).unwrap();
    let place = tempfile::tempdir().unwrap();
    model.save(place.path()).unwrap();
    let size = |folder: &std::path::Path| {
        std::fs::metadata(folder.join("model.safetensors")).unwrap().len()
    };
    assert_eq!(size(place.path()), size(&folder("bf16")));
    let loaded = T5::load(place.path(), &device).unwrap();
    let expected = reference("bf16").token_log_probabilities.concat();
    assert_close(&scores(&loaded, "bf16"), &expected, TOLERANCE, "bf16");
}

#[test]
fn presets_have_the_published_sizes() {
    let count = |config: T5Config| config.init(&Device::flex()).unwrap().num_params() as f64 / 1e6;
    for (config, millions) in [
        (T5Config::small(), 60.5),
        (T5Config::base(), 222.9),
        (T5Config::large(), 737.7),
        (T5Config::v1_1_small(), 76.9),
        (T5Config::v1_1_base(), 247.5),
        (T5Config::v1_1_large(), 783.1),
    ] {
        assert!((count(config) - millions).abs() < 0.1);
    }
}

#[test]
fn a_model_is_saved_with_the_tokenizer_of_its_folder() {
    let place = tempfile::tempdir().unwrap();
    let origin = folder("tokenizer");
    let model = load("v1_1");
    // A new folder, and one that is there already.
    for _ in 0..2 {
        let saved = place.path().join("saved");
        model.save_with_tokenizer(&saved, &origin).unwrap();
        let mut names: Vec<String> = std::fs::read_dir(&saved)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["config.json", "model.safetensors", "tokenizer.json"]);
        let bytes =
            |folder: &std::path::Path| std::fs::read(folder.join("tokenizer.json")).unwrap();
        assert!(bytes(&saved) == bytes(&origin));
        let loaded = T5::load(&saved, &Device::flex()).unwrap();
        assert_eq!(scores(&loaded, "v1_1"), scores(&model, "v1_1"));
    }
}
