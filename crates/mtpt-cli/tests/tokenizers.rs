//! Tokenizers of model folders: added tokens, byte fallback, missing end tokens, unknown text.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::{World, copy_folder};

/// Copies a public bug report, which is not part of this project, into a world.
fn shared_case(world: &World, name: &str) -> Option<PathBuf> {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases").join(name);
    if !case.is_dir() {
        println!("skipped: `{}` is absent", case.display());
        return None;
    }
    copy_folder(&case.join("model"), &world.path("case"));
    Some(case)
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

/// A text and the ids that it should have get equal scores.
fn texts_equal_their_ids(name: &str) {
    let world = World::new();
    let Some(case) = shared_case(&world, name) else { return };
    let of_texts = world.rows("score --model case", &read(case.join("texts.jsonl")));
    let of_ids = world.rows("score --model case", &read(case.join("ids.jsonl")));
    assert!(!of_ids.is_empty());
    assert_eq!(of_texts, of_ids);
}

/// Scores equal those of transformers.
fn scores_equal_the_expected_ones(name: &str) {
    let world = World::new();
    let Some(case) = shared_case(&world, name) else { return };
    let expected = read(case.join("expected.jsonl"));
    let expected: Vec<Value> =
        expected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for batch_size in [1, 4] {
        let command = format!("score --model case --batch-size {batch_size}");
        let rows = world.rows(&command, &read(case.join("rows.jsonl")));
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(&expected) {
            let numbers = |row: &Value| -> Vec<f64> {
                serde_json::from_value(row["token_logprobs"].clone()).unwrap()
            };
            for (found, expected) in numbers(row).into_iter().zip(numbers(expected)) {
                // The f32 tolerance of the library's parity tests.
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
        }
    }
}

#[test]
fn added_tokens_next_to_a_sentence_piece_model() {
    texts_equal_their_ids("03-added-tokens-beside-spiece-model");
}

#[test]
fn byte_fallback_of_a_sentence_piece_model() {
    texts_equal_their_ids("05-byte-fallback");
}

#[test]
fn empty_texts_are_the_end_token() {
    scores_equal_the_expected_ones("33-empty-texts");
}

#[test]
fn tokenizer_json_without_an_end_token() {
    scores_equal_the_expected_ones("34-tokenizer-json-without-an-end-token");
}

#[test]
fn an_empty_file_has_no_rows() {
    let world = World::new();
    world.write("empty.jsonl", "");
    let outcome = world.run("score --model model --input empty.jsonl", "");
    assert_eq!((outcome.code, outcome.rows.len()), (0, 0), "{}", outcome.messages);
    let outcome = world.run("score --model model", "{\"input_ids\": [], \"target_ids\": [5]}\n");
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("`input_ids` has no tokens"), "{}", outcome.messages);
}

/// Changes the `tokenizer.json` of a world.
fn change_tokenizer(world: &World, change: impl FnOnce(&mut Value)) {
    let path = world.path("model/tokenizer.json");
    let mut tokenizer: Value = serde_json::from_str(&read(path)).unwrap();
    change(&mut tokenizer);
    world.write("model/tokenizer.json", &tokenizer.to_string());
}

const ROWS: &str = "{\"input\": \"mood day brought sun\", \"target\": \"happy\"}\n\
                    {\"input\": \"wet\", \"target\": \"dry\"}\n";

#[test]
fn every_text_ends_once() {
    let world = World::new();
    let expected = world.rows("score --model model", ROWS);
    change_tokenizer(&world, |tokenizer| {
        tokenizer["post_processor"] = Value::Null;
        tokenizer["padding"] = json!({
            "strategy": { "Fixed": 20 }, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"
        });
        tokenizer["truncation"] = json!({
            "direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0
        });
    });
    assert_eq!(world.rows("score --model model", ROWS), expected);
}

#[test]
fn the_end_token_may_have_another_name() {
    let world = World::new();
    let expected = world.rows("score --model model", ROWS);
    change_tokenizer(&world, |tokenizer| {
        tokenizer["post_processor"] = Value::Null;
        let vocab = tokenizer["model"]["vocab"].as_object_mut().unwrap();
        let id = vocab.remove("</s>").unwrap();
        vocab.insert("[END]".to_owned(), id);
        let added = tokenizer["added_tokens"].as_array_mut().unwrap();
        added.retain(|token| token["content"] != "</s>");
    });
    world.write("model/tokenizer_config.json", &json!({ "eos_token": "[END]" }).to_string());
    assert_eq!(world.rows("score --model model", ROWS), expected);
}

#[test]
fn another_end_token_than_the_models_is_reported() {
    let world = World::new();
    let warning = |end: u32| {
        let config = read(world.path("model/config.json"));
        let mut config: Value = serde_json::from_str(&config).unwrap();
        config["eos_token_id"] = json!(end);
        world.write("model/config.json", &config.to_string());
        world.run("inspect model --json", "").messages
    };
    let expected = "ends texts with `</s>`, id 94, but `eos_token_id` of the model is 61";
    assert!(warning(61).contains(expected));
    assert_eq!(warning(94), "");
}

#[test]
fn unknown_text_is_reported_in_one_line() {
    let world = World::new();
    let check = |command: &str, input: &str, expected: Option<&str>| {
        let outcome = world.run(command, input);
        assert_eq!(outcome.code, 0, "{}", outcome.messages);
        let found = outcome.messages.lines().find(|line| line.contains("unknown to"));
        assert_eq!(found, expected, "{command}");
    };
    check("score --model model", ROWS, None);
    check(
        "score --model model",
        "{\"input\": \"mood day brought snow\", \"target\": \"sad\"}\n\
         {\"input\": \"day\", \"target\": \"sad\"}\n",
        Some(
            "note: 14.3 % of the input tokens (1 of 7) is unknown to the tokenizer, in 1 of 2 rows",
        ),
    );
    check("train run.toml --output run", "", None);
    let row = "{\"task\": \"mood\", \"text\": \"night brought snow hail\"}\n";
    check(
        "predict --model model --prompts run/prompts.safetensors",
        row,
        Some(
            "note: 33.3 % of the input tokens (2 of 6) are unknown to the tokenizer, in 1 of 1 \
             rows",
        ),
    );
    world.write("wet.tsv", "text\tlabel\nday brought snow\tdry\nnight brought rain\tsoaked\n");
    // The file is the training and the dev split of the task.
    let note = "warning: task `sky/wet`: 10.0 % of the input tokens (2 of 20) are unknown to the \
                tokenizer, in 2 of 4 rows; the model cannot read these parts of the texts; use a \
                model whose tokenizer knows the language, or one that reads bytes (ByT5)";
    check("inspect run.toml --model model --json", "", Some(note));
    world.write("mood.jsonl", "{\"text\": \"day brought sun\", \"label\": \"0\"}\n");
    check(
        "eval --tasks run.toml --prompts run/prompts.safetensors --model model",
        "",
        Some(
            "note: 6.7 % of the input tokens (1 of 15) is unknown to the tokenizer, in 1 of 3 rows",
        ),
    );
}

#[test]
fn training_reports_unknown_text() {
    let world = World::new();
    world.write("wet.tsv", "text\tlabel\nday brought snow\tdry\nnight brought rain\tsoaked\n");
    let outcome = world.run("train run.toml --output run", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    // Twice the two rows of `wet`.
    let note = "warning: task `sky/wet`: 10.0 % of the input tokens (2 of 20) are unknown to the \
                tokenizer, in 2 of 4 rows; ";
    assert!(outcome.messages.contains(note), "{}", outcome.messages);
}

#[test]
fn unsupported_classes_are_rejected_by_name() {
    let world = World::new();
    fs::remove_file(world.path("model/tokenizer.json")).unwrap();
    let config = json!({ "tokenizer_class": "MyT5Tokenizer" }).to_string();
    world.write("model/tokenizer_config.json", &config);
    let outcome = world.run("score --model model", ROWS);
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("class `MyT5Tokenizer`"), "{}", outcome.messages);
}
