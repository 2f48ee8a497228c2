use std::fs;
use std::path::Path;

use serde_json::json;

use crate::world::{World, check_contains, copy_folder};

#[track_caller]
fn check(world: &World, command: &str, parts: &[&str]) {
    let outcome = world.run(command, "");
    assert_eq!(outcome.code, 1, "{command}: {}", outcome.messages);
    let [line] = outcome.messages.lines().collect::<Vec<_>>()[..] else {
        panic!("expected one line: {}", outcome.messages)
    };
    check_contains(line, parts);
}

#[test]
fn a_model_in_another_folder_is_suggested() {
    let world = World::new();
    copy_folder(&world.path("model"), &world.path("hub/models--owner--t5/snapshots/12ab"));
    check(
        &world,
        "score --model hub/models--owner--t5",
        &["there is a model in `hub/models--owner--t5/snapshots/12ab`"],
    );
    check(&world, "score --model hub", &["there is a model in `hub/models--owner--t5/snapshots"]);
    for step in [50, 100, 150, 200] {
        copy_folder(&world.path("model"), &world.path(&format!("trainer/checkpoint-{step}")));
    }
    check(
        &world,
        "score --model trainer",
        &["there are models in `trainer/checkpoint-100`, `trainer/checkpoint-150`", "and 1 more"],
    );
    // A folder below a model.
    fs::create_dir(world.path("model/onnx")).unwrap();
    check(&world, "score --model model/onnx", &["there is a model in `model`"]);
    fs::create_dir(world.path("empty")).unwrap();
    check(&world, "score --model empty", &["`empty` contains none", "choose the folder with"]);
}

#[test]
fn an_adapter_in_place_of_a_model_is_described() {
    let world = World::new();
    fs::create_dir(world.path("adapter")).unwrap();
    for (kind, advice) in [
        ("PROMPT_TUNING", "pass that model with `--model`, and this folder with `--prompts`"),
        ("MULTITASK_PROMPT_TUNING", "pass that model with `--model`"),
        ("LORA", "`merge_and_unload`"),
    ] {
        let config = json!({ "peft_type": kind, "base_model_name_or_path": "google/t5-base" });
        world.write("adapter/adapter_config.json", &config.to_string());
        let adapter = format!("`adapter` is a PEFT adapter of type `{kind}`, not a model");
        check(&world, "score --model adapter", &[&adapter, "`google/t5-base`", advice]);
    }
}

#[test]
fn placeholders_for_weights_are_described() {
    let world = World::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:9f\nsize 990345061\n";
    for (content, parts) in [
        (pointer, ["a Git LFS pointer to a file of 990345061 bytes", "`git lfs pull`"]),
        ("<!doctype html><html></html>", ["an HTML page", "download link"]),
        ("", ["an empty file", "again"]),
    ] {
        world.write("model/model.safetensors", content);
        let file = "`model/model.safetensors` is not a safetensors file: found ";
        check(&world, "score --model model", &[file, parts[0], parts[1]]);
        check(&world, "inspect model", &[file, parts[0], parts[1]]);
        check(&world, "train run.toml --output run", &["model.safetensors`", parts[0], parts[1]]);
        check(&world, "inspect model/model.safetensors", &[file, parts[0], parts[1]]);
        check(&world, "score --model model --prompts model/model.safetensors", &[file, parts[0]]);
    }
}

#[test]
fn pytorch_files_are_inspected() {
    let world = World::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-t5/tests/fixtures");
    let lightning = fixtures.join("checkpoints/lightning.ckpt");
    let text = world.text(&format!("inspect {}", lightning.display()));
    assert!(text.contains("lightning.ckpt: a PyTorch file of 31 tensors, "), "{text}");
    assert!(text.contains("  state_dict.model.shared.weight "), "{text}");
    let old = fixtures.join("v1_0_old/pytorch_model.bin");
    let found = world.rows(&format!("inspect {} --json", old.display()), "").remove(0);
    assert_eq!(found["kind"], "tensors");
    assert!(found["not_finite"].as_array().unwrap().is_empty());
    world.write("broken.bin", "version https://git-lfs.github.com/spec/v1\nsize 7\n");
    check(&world, "inspect broken.bin", &["`broken.bin` is not a ", "a Git LFS pointer"]);
}

#[test]
fn placeholders_for_tokenizers_and_prompts_are_described() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:9f\nsize 791656\n";
    let found = "found a Git LFS pointer to a file of 791656 bytes; run `git lfs pull`";
    for file in ["tokenizer.json", "spiece.model", "tokenizer_config.json", "config.json"] {
        let world = World::new();
        if file == "spiece.model" {
            fs::remove_file(world.path("model/tokenizer.json")).unwrap();
        }
        world.write(&format!("model/{file}"), pointer);
        check(&world, "train run.toml --output run", &[file, found]);
    }
    let world = World::new();
    for file in ["prompts.safetensors", "prompt.npy"] {
        world.write(file, pointer);
        check(&world, &format!("score --model model --prompts {file}"), &[file, found]);
    }
}

/// Returns the kinds of `.npy` files of a prompt `[2, 16]` whose values are exact in bfloat16, and
/// the same prompt in the most common kind first.
fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let value = |index: usize| (index as f32 - 12.0) / 8.0;
    let rows: Vec<f32> = (0..32).map(value).collect();
    let columns: Vec<f32> = (0..32).map(|index| value(index % 2 * 16 + index / 2)).collect();
    let file = |descr: &str, order: &str, shape: &str, data: Vec<u8>| {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    };
    let little = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let big = rows.iter().flat_map(|value| value.to_be_bytes()).collect();
    let doubles = rows.iter().flat_map(|&value| f64::from(value).to_le_bytes()).collect();
    // The upper half of a 32-bit float is a bfloat16.
    let brain = rows.iter().flat_map(|value| value.to_le_bytes()[2..].to_vec()).collect();
    vec![
        ("f4.npy", file("<f4", "False", "(2, 16)", little(&rows))),
        ("fortran.npy", file("<f4", "True", "(2, 16)", little(&columns))),
        ("big_endian.npy", file(">f4", "False", "(2, 16)", big)),
        ("f8.npy", file("<f8", "False", "(2, 16)", doubles)),
        ("bfloat16.npy", file("|V2", "False", "(2, 16)", brain)),
        ("flat.npy", file("<f4", "False", "(32,)", little(&rows))),
        ("batch_of_one.npy", file("<f4", "False", "(1, 2, 16)", little(&rows))),
        ("transposed.npy", file("<f4", "False", "(16, 2)", little(&columns))),
    ]
}

#[test]
fn numpy_prompts_of_every_kind_are_read_exactly_or_rejected() {
    let world = World::new();
    let row = "{\"input\": \"day\", \"target\": \"sun\"}\n";
    let kinds = kinds();
    for (name, bytes) in &kinds {
        fs::write(world.path(name), bytes).unwrap();
    }
    let scores = |name: &str| world.rows(&format!("score --model model --prompts {name}"), row);
    for (name, _) in &kinds[1..5] {
        assert_eq!(scores(name), scores("f4.npy"), "{name}");
    }
    assert_ne!(scores("f4.npy"), world.rows("score --model model", row));
    for (name, found) in [
        ("flat.npy", "`[length, d_model]`, found shape [32]"),
        ("batch_of_one.npy", "`[length, d_model]`, found shape [1, 2, 16]"),
        ("transposed.npy", "the prompts have width 2, the model has `d_model` 16"),
    ] {
        check(&world, &format!("score --model model --prompts {name}"), &[found]);
    }
}
