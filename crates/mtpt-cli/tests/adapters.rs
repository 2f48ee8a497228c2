//! PEFT adapters in the folders and formats that people have, on the command line.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::{Outcome, World, copy_folder};

fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-infer/tests/fixtures").join(name)
}

/// Returns the reference values of PEFT for its default adapters.
fn reference() -> Value {
    let text = fs::read_to_string(fixtures("peft_defaults/reference.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Returns the rows of the reference, with the task of each if there are several.
fn rows(reference: &Value, is_multitask: bool) -> String {
    let list = |key: &str| reference[key].as_array().unwrap().clone();
    let rows = list("inputs").into_iter().zip(list("targets")).zip(list("tasks"));
    rows.map(|((input, target), task)| {
        let task = if is_multitask { format!("task{task}") } else { "task0".to_owned() };
        format!("{}\n", json!({ "task": task, "input_ids": input, "target_ids": target }))
    })
    .collect()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

#[track_caller]
fn assert_scores(outcome: &Outcome, expected: &Value) {
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    let expected = expected.as_array().unwrap();
    assert_eq!(outcome.rows.len(), expected.len());
    for (row, expected) in outcome.rows.iter().zip(expected) {
        let (found, expected) = (numbers(&row["token_logprobs"]), numbers(expected));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            // The f32 tolerance of the library's parity tests.
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
    }
}

fn ids(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    outcome.rows.iter().map(|row| row["ids"].clone()).collect()
}

#[test]
fn a_default_plain_adapter_is_used_with_a_note() {
    let (world, reference) = (World::new(), reference());
    copy_folder(&fixtures("peft_defaults/plain"), &world.path("adapter"));
    let rows = rows(&reference, false);
    let note = "note: `adapter`: the adapter has 8 vectors, of which PEFT only uses the first 4, \
                in `forward` and in `generate`; the others were dropped\n";
    let score = world.run("score --model model --prompts adapter", &rows);
    assert_scores(&score, &reference["plain"]["log_probabilities"]);
    assert_eq!(score.messages, note);
    let generate = world.run("generate --model model --prompts adapter --max-new-tokens 8", &rows);
    assert_eq!(ids(&generate), reference["plain"]["greedy"]);
    assert_eq!(generate.messages, note);
    // An imported adapter has no vectors left to note.
    let import = world.run("import --format peft adapter --output a.safetensors", "");
    assert_eq!((import.code, import.messages.as_str()), (0, note));
    assert_eq!(import.rows[0]["length"], json!(4));
    assert_eq!(import.rows[0]["decoder_length"], Value::Null);
    let score = world.run("score --model model --prompts a.safetensors", &rows);
    assert_scores(&score, &reference["plain"]["log_probabilities"]);
    assert_eq!(score.messages, "");
}

#[test]
fn a_default_multitask_adapter_matches_forward_and_on_request_generate() {
    let (world, reference) = (World::new(), reference());
    copy_folder(&fixtures("peft_defaults/multitask"), &world.path("adapter"));
    let expected = &reference["multitask"];
    let rows = rows(&reference, true);
    let score = world.run("score --model model --prompts adapter", &rows);
    assert_scores(&score, &expected["log_probabilities"]);
    let note = "note: `adapter`: the adapter has 4 vectors for the decoder; they are used in every \
                command, as in PEFT's `forward`, but PEFT's `generate` ignores them: to match it, \
                pass `--no-decoder-prompt`\n";
    assert_eq!(score.messages, note);
    let generate = |options: &str| {
        let command = format!("generate --model model --max-new-tokens 8 --prompts {options}");
        let outcome = world.run(&command, &rows);
        (ids(&outcome), outcome.messages)
    };
    assert_eq!(generate("adapter"), (expected["greedy_by_forward"].clone(), note.to_owned()));
    let ignored = generate("adapter --no-decoder-prompt");
    assert_eq!(ignored, (expected["greedy"].clone(), String::new()));
    assert_eq!(generate("adapter --no-decoder-prompt --num-beams 4").0, expected["beams"]);

    // Imported with and without the decoder's vectors.
    let import = world.rows("import --format peft adapter --output whole.safetensors", "");
    assert_eq!((&import[0]["length"], &import[0]["decoder_length"]), (&json!(4), &json!(4)));
    assert_eq!(generate("whole.safetensors").0, expected["greedy_by_forward"]);
    assert_eq!(generate("whole.safetensors --no-decoder-prompt").0, expected["greedy"]);
    let command = "import --format peft adapter --no-decoder-prompt --output cut.safetensors";
    let import = world.run(command, "");
    assert_eq!((import.code, import.messages.as_str()), (0, ""));
    assert_eq!(import.rows[0]["decoder_length"], Value::Null);
    assert_eq!(generate("cut.safetensors"), (expected["greedy"].clone(), String::new()));

    let text = world.text("inspect whole.safetensors");
    assert!(text.contains("prompt       4 vectors and 4 vectors for the decoder, of width 16"));
    let export = "export --format peft --prompts whole.safetensors --output exported";
    world.rows(export, "");
    let score = world.run("score --model model --prompts exported", &rows);
    assert_scores(&score, &expected["log_probabilities"]);
}

#[test]
fn decoder_prompts_are_trained_evaluated_and_predicted_alike() {
    let world = World::new();
    let text = fs::read_to_string(world.path("run.toml")).unwrap();
    let text = text.replace("length = 4", "length = 4, decoder_length = 3");
    world.write("run.toml", &text);
    world.train();
    let prompts = "--model model --prompts run/prompts.safetensors";
    let header = world.text("inspect run/prompts.safetensors --json");
    let header: Value = serde_json::from_str(&header).unwrap();
    assert_eq!((&header["length"], &header["decoder_length"]), (&json!(4), &json!(3)));

    // A label's log-probability is that of its word.
    let predicted = world
        .rows(&format!("predict {prompts} --task mood"), "{\"input\": \"mood day brought sun\"}\n");
    for (label, word) in [("0", "happy"), ("1", "sad")] {
        let score = |options: &str| {
            let row = json!({ "input": "mood day brought sun", "target": word });
            let command = format!("score {prompts} --task mood {options}");
            world.rows(&command, &row.to_string())[0]["logprob"].as_f64().unwrap()
        };
        let expected = predicted[0]["scores"][label].as_f64().unwrap();
        assert!((score("") - expected).abs() < 1e-4);
        assert!((score("--no-decoder-prompt") - expected).abs() > 1e-4, "the prompt is used");
    }
    // The log and `eval` have the same metric.
    let rows = world.rows(&format!("eval {prompts} --tasks run.toml"), "");
    let outcome = fs::read_to_string(world.path("run/outcome.json")).unwrap();
    let outcome: Value = serde_json::from_str(&outcome).unwrap();
    let mean = rows.iter().map(|row| row["value"].as_f64().unwrap()).sum::<f64>() / 2.0;
    assert!((mean - outcome["score"].as_f64().unwrap()).abs() < 1e-6, "{outcome}");
    world.rows(&format!("eval {prompts} --tasks run.toml --no-decoder-prompt"), "");

    // Prompts with other numbers of vectors of both kinds aren't adapters.
    let export = "export --format peft --prompts run/prompts.safetensors --output adapter";
    let refused = world.run(export, "");
    assert_eq!(refused.code, 1);
    assert!(refused.messages.contains("`prompt.decoder_length = 4` or without it"));

    // Targets start from these prompts.
    let adapted = "adapt run.toml --prompts run/prompts.safetensors --output adapted";
    world.rows(adapted, "");
    let header = world.text("inspect adapted/prompts.safetensors --json");
    let header: Value = serde_json::from_str(&header).unwrap();
    assert_eq!(header["decoder_length"], json!(3));
}

#[test]
fn targets_start_from_default_adapters() {
    let world = World::new();
    for (name, decoder_length) in [("plain", Value::Null), ("multitask", json!(4))] {
        copy_folder(&fixtures("peft_defaults").join(name), &world.path(name));
        let command = format!("adapt run.toml --prompts {name} --output adapted-{name}");
        let outcome = world.run(&command, "");
        assert_eq!(outcome.code, 0, "{}", outcome.messages);
        let note = format!("note: `{name}`: the adapter has 8 vectors, of which PEFT only uses");
        assert_eq!(outcome.messages.contains("note: `"), name == "plain", "{}", outcome.messages);
        assert_eq!(outcome.messages.contains(&note), name == "plain", "{}", outcome.messages);
        let header = world.text(&format!("inspect adapted-{name}/prompts.safetensors --json"));
        let header: Value = serde_json::from_str(&header).unwrap();
        assert_eq!(header["decoder_length"], decoder_length);
    }
}

/// Copies the folders of the case about adapters, or returns `None` if they are absent.
fn cases(world: &World) -> Option<()> {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases/31-peft-folders");
    if !source.exists() {
        println!("skipped: `{}` is absent", source.display());
        return None;
    }
    copy_folder(&source, &world.path("case"));
    Some(())
}

#[test]
fn every_adapter_of_the_same_values_scores_the_same() {
    let world = World::new();
    if cases(&world).is_none() {
        return;
    }
    let read = |name: &str| fs::read_to_string(world.path("case").join(name)).unwrap();
    let expected: Vec<Value> = read("expected.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["token_logprobs"].clone())
        .collect();
    for (name, tolerance) in [
        ("plain", 1e-4),
        ("named/mood", 1e-4),
        ("checkpoint-50/mood", 1e-4),
        ("newer-fields", 1e-4),
        ("older-fields", 1e-4),
        ("no-base-name", 1e-4),
        ("with-decoder", 1e-4),
        ("bin", 1e-4),
        ("bin/adapter_model.bin", 1e-4),
        ("plain/adapter_config.json", 1e-4),
        // 11 bits of each value.
        ("f16", 1e-2),
    ] {
        let command = format!("score --model case/model --prompts case/{name}");
        let outcome = world.run(&command, &read("rows.jsonl"));
        assert_eq!(outcome.code, 0, "{name}: {}", outcome.messages);
        for (row, expected) in outcome.rows.iter().zip(&expected) {
            let pairs = numbers(&row["token_logprobs"]).into_iter().zip(numbers(expected));
            for (found, expected) in pairs {
                assert!((found - expected).abs() < tolerance, "{name}: {found} {expected}");
            }
        }
        assert_eq!(outcome.messages.starts_with("note: "), name == "with-decoder", "{name}");
    }
}

#[test]
fn unusable_folders_are_refused_with_the_reason_and_advice() {
    let world = World::new();
    if cases(&world).is_none() {
        return;
    }
    for (name, expected) in [
        ("named", "`case/named` contains no prompts, but `case/named/mood` does: pass that path"),
        ("checkpoint-50", "but `case/checkpoint-50/mood` does: pass that path"),
        ("wrong-length", "expected shape [5, 16], found [4, 16]; `adapter_config.json` specifies"),
        (
            "empty-zero3",
            "`prompt_embeddings` in `case/empty-zero3/adapter_model.safetensors` has \
                         no values, which is what a process of DeepSpeed ZeRO-3 saves",
        ),
        (
            "prefixed",
            "but `base_model.prompt_encoder.default.embedding.weight`, so it was not \
                      written by PEFT's `save_pretrained`",
        ),
    ] {
        for command in [
            "score --model case/model --prompts",
            "inspect",
            "export --format peft --output x --prompts",
        ] {
            let outcome = world.run(&format!("{command} case/{name}"), "");
            assert_eq!(outcome.code, 1, "{command} {name}");
            assert!(outcome.messages.contains(expected), "{command}: {}", outcome.messages);
            assert_eq!(outcome.messages.lines().count(), 1, "{}", outcome.messages);
        }
    }
}
