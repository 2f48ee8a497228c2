//! `--weights` and `[backbone]`: the format of the model's weights.

use std::fs;

use crate::world::{World, check_contains};

const ROWS: &str = "{\"task\": \"first\", \"input_ids\": [5, 6, 7]}\n";

#[test]
fn prompts_record_the_weights_they_were_trained_with() {
    let world = World::new();
    world.rows("train run.toml --output run --weights int8", "");
    let config = fs::read_to_string(world.path("run/config.toml")).unwrap();
    check_contains(&config, &["[backbone]", "weights = \"int8\""]);
    // The configuration's format is used unless another one is given.
    world.rows("train run/config.toml --output again", "");
    let prompts = |run: &str| fs::read(world.path(run).join("prompts.safetensors")).unwrap();
    assert!(prompts("run") == prompts("again"));
    world.rows("train run.toml --output exact", "");
    assert!(prompts("run") != prompts("exact"));
    let header = |run: &str| String::from_utf8_lossy(&prompts(run)).into_owned();
    check_contains(&header("run"), &[r#"\"weights\":\"int8\""#]);
    // Files of 32-bit weights are those of earlier versions.
    assert!(!header("exact").contains("weights"));

    let note = "note: the prompts were trained with int8 weights, but the model has f32 weights";
    let task = world.json_lines("run/metrics.jsonl");
    assert!(!task.is_empty());
    for (options, is_noted) in [("", true), (" --weights int8", false)] {
        let eval = format!("eval --model model --prompts run --tasks run.toml{options}");
        let outcome = world.run(&eval, "");
        assert_eq!(outcome.code, 0, "{}", outcome.messages);
        assert_eq!(outcome.messages.contains(note), is_noted, "{}", outcome.messages);
    }
}

#[test]
fn a_run_is_resumed_with_the_weights_it_started_with() {
    let world = World::new();
    world.rows("train run.toml --output run --weights int8 --set training.steps=3", "");
    let outcome = world.run("train run.toml --output run --resume", "");
    assert_eq!(outcome.code, 1);
    check_contains(&outcome.messages, &["backbone.weights", "int8", "f32"]);
}

#[test]
fn every_format_generates_and_unknown_ones_are_named() {
    let world = World::new();
    for format in ["f32", "bf16", "f16", "int8"] {
        let command = format!("generate --model model --max-new-tokens 4 --weights {format}");
        let rows = world.rows(&command, "{\"input_ids\": [5, 6, 7]}\n");
        assert_eq!(rows.len(), 1, "{format}");
    }
    let outcome = world.run("generate --model model --weights int4", ROWS);
    assert_eq!(outcome.code, 2);
    check_contains(&outcome.messages, &["int4", "`f32`, `bf16`, `f16` or `int8`"]);
    let outcome = world.run("train run.toml --output run --set backbone.weights=int4", "");
    assert_eq!(outcome.code, 1);
    check_contains(&outcome.messages, &["int4", "int8"]);
}
