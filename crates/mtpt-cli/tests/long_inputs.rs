use std::fs;

use serde_json::{Value, json};

use crate::world::{Outcome, World};

/// A row with token ids, the end of sentence last.
fn row(tokens: usize) -> Value {
    let mut ids: Vec<usize> = (0..tokens - 1).map(|token| 2 + token % 14).collect();
    ids.push(94);
    json!({ "input_ids": ids, "target": "sun" })
}

/// The same row, truncated.
fn truncated(tokens: usize, to: usize) -> Value {
    let mut row = row(tokens);
    let ids = row["input_ids"].as_array_mut().unwrap();
    ids.truncate(to - 1);
    ids.push(json!(94));
    row
}

#[track_caller]
fn check(outcome: &Outcome, expected: &Outcome, message: &str) {
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert_eq!(outcome.messages.lines().last(), Some(message));
    assert_eq!(outcome.rows.len(), expected.rows.len());
    assert_eq!(outcome.rows, expected.rows);
    assert_eq!(expected.messages, "");
}

#[test]
fn inputs_are_truncated_to_the_length_of_the_model() {
    let world = World::new();
    let set_another = "the maximum length of the model; set another one with `--max-input-length`";
    check(
        &world.run("score --model model", &format!("{}\n", row(520))),
        &world.run("score --model model", &format!("{}\n", truncated(520, 512))),
        &format!("warning: 1 input was truncated to 512 tokens, {set_another}"),
    );
    let input = format!("{}\n{}\n{}\n", row(90), row(30), row(80));
    let short = |to| format!("{}\n{}\n{}\n", truncated(90, to), row(30), truncated(80, to));
    world.write("model/tokenizer_config.json", r#"{"model_max_length": 64}"#);
    check(
        &world.run("score --model model", &input),
        &world.run("score --model model", &short(64)),
        &format!("warning: 2 inputs were truncated to 64 tokens, {set_another}"),
    );
    let config = fs::read_to_string(world.path("model/config.json")).unwrap();
    world.write("model/config.json", &config.replacen('{', "{\"n_positions\": 50,", 1));
    for command in ["score --model model", "generate --model model --max-new-tokens 3"] {
        check(
            &world.run(command, &input),
            &world.run(command, &short(50)),
            &format!("warning: 2 inputs were truncated to 50 tokens, {set_another}"),
        );
        check(
            &world.run(&format!("{command} --max-input-length 40"), &input),
            &world.run(command, &short(40)),
            "warning: 2 inputs were truncated to 40 tokens, as set with `--max-input-length`",
        );
        let whole = world.run(&format!("{command} --max-input-length none"), &input);
        assert_eq!((whole.code, whole.messages.as_str()), (0, ""));
        let enough = world.run(&format!("{command} --max-input-length 90"), &input);
        assert_eq!((enough.rows, enough.messages.as_str()), (whole.rows, ""));
    }
    let outcome = world.run("score --model model --max-input-length 0", "");
    assert_eq!(outcome.code, 2);
}

/// Prompts whose training limit is unknown.
fn with_array(world: &World) {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 16), }\n";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend((0..16).flat_map(|value| (value as f32 / 8.0).to_le_bytes()));
    fs::write(world.path("prompt.npy"), bytes).unwrap();
}

const TASKS: &str = r#"
[[tasks]]
name = "task0"
format = "json_lines"
dev = "long.jsonl"
template = "{text}"
labels = ["sun", "rain"]
"#;

#[test]
fn prediction_and_evaluation_truncate_like_training() {
    let world = World::new();
    with_array(&world);
    world.write("tasks.toml", TASKS);
    let text = "day brought sun ".repeat(180);
    let data = |text: &str| format!("{}\n", json!({ "text": text, "input": text, "label": "sun" }));
    world.write("long.jsonl", &data(&text).repeat(2));
    let eval = "eval --model model --prompts prompt.npy --tasks tasks.toml";
    let outcome = world.run(eval, "");
    let message = "warning: 2 inputs were truncated to 512 tokens, the maximum length of the model";
    assert!(outcome.messages.starts_with(message), "{}", outcome.messages);
    assert_eq!(outcome.messages.lines().count(), 1);
    let predict = "predict --model model --prompts prompt.npy --input long.jsonl";
    let outcome = world.run(predict, "");
    assert!(outcome.messages.starts_with(message), "{}", outcome.messages);
    // 511 words, and the end of sentence.
    let words: Vec<&str> = text.split_whitespace().take(511).collect();
    world.write("long.jsonl", &data(&words.join(" ")).repeat(2));
    let expected = world.run(predict, "");
    assert_eq!(outcome.rows, expected.rows);
    assert!(expected.messages.starts_with("2 rows in "), "{}", expected.messages);
    let outcome = world.run(&format!("{eval} --max-input-length 5"), "");
    let message =
        "warning: 2 inputs were truncated to 5 tokens, as set with `--max-input-length`\n";
    assert_eq!(outcome.messages, message);
    world.train();
    let row = format!("{}\n", json!({ "rendered_input": text }));
    let command = "predict --model model --prompts run/prompts.safetensors --task mood";
    let outcome = world.run(command, &row);
    let message = "warning: 1 input was truncated to 256 tokens, the limit used in training\n";
    assert_eq!(outcome.messages, message);
}

#[test]
fn rows_that_need_too_much_memory_are_named() {
    let world = World::new();
    with_array(&world);
    let check = |command: &str, input: &str, place: &str, what: &str| {
        let outcome = world.run(command, input);
        assert_eq!(outcome.code, 1, "{}", outcome.messages);
        let line = outcome.messages.lines().last().unwrap();
        let start = format!("error: {place}: the {what} has ");
        assert!(line.starts_with(&start), "{line}");
        // The small model has four heads: 4 * 11,585² scores are the most.
        assert!(line.contains(" tokens, more than the 11585 for which the memory"), "{line}");
    };
    let none = "--max-input-length none";
    let long = format!("{}\n{}\n", row(20), row(12_000));
    check(&format!("score --model model {none}"), &long, "standard input:2", "input");
    check(&format!("generate --model model {none}"), &long, "standard input:2", "input");
    let target = json!({ "input": "day", "target": "sun ".repeat(20_000) });
    check("score --model model", &format!("{target}\n"), "standard input:1", "target");
    let predict = format!("predict --model model --prompts prompt.npy {none}");
    check(&predict, &long, "standard input:2", "input");
    world.write("tasks.toml", TASKS);
    let text = json!({ "text": "day ".repeat(40_000), "label": "sun" });
    world.write("long.jsonl", &format!("{text}\n"));
    let eval = format!("eval --model model --prompts prompt.npy --tasks tasks.toml {none}");
    check(&eval, "", "long.jsonl:1", "input");
}

#[test]
fn results_do_not_depend_on_the_batch_size() {
    let world = World::new();
    let input: String =
        (2..22).map(|row_number| format!("{}\n", row(row_number * 7 % 50 + 2))).collect();
    for command in [
        "score --model model",
        "generate --model model --max-new-tokens 4",
        "generate --model model --max-new-tokens 4 --num-beams 3",
    ] {
        let rows = |size: usize| world.rows(&format!("{command} --batch-size {size}"), &input);
        let one = rows(1);
        assert_eq!(one.len(), 20);
        for size in [7, 1000] {
            for (found, expected) in rows(size).iter().zip(&one) {
                assert_eq!(found["ids"], expected["ids"], "{command}");
                let difference = found["logprob"].as_f64().unwrap_or_default()
                    - expected["logprob"].as_f64().unwrap_or_default();
                // Padding changes the order of sums in single precision.
                assert!(difference.abs() < 1e-4, "{command}: {difference}");
            }
        }
    }
}

#[test]
fn fields_with_nul_bytes_and_a_megabyte_are_read_whole() {
    let world = World::new();
    with_array(&world);
    let text = format!("day\0night {}sun", "x".repeat(1 << 20));
    let json = format!("{}\n", json!({ "input": text }));
    let csv = format!("number,input\n1,\"{text}\"\n");
    world.write("rows.jsonl", &json);
    world.write("rows.csv", &csv);
    let predict = "predict --model model --prompts prompt.npy --input";
    let [of_json, of_csv] =
        ["rows.jsonl", "rows.csv"].map(|file| world.rows(&format!("{predict} {file}"), ""));
    assert_eq!(of_json[0]["text"], of_csv[0]["text"]);
    world.write("tasks.toml", &TASKS.replace("json_lines", "csv").replace("jsonl", "csv"));
    world.write("long.csv", &format!("text,label\n\"{text}\",sun\n"));
    let inspected = world.rows("inspect tasks.toml --json", "");
    assert!(inspected[0].to_string().contains("\"rows\":1"), "{}", inspected[0]);
}
