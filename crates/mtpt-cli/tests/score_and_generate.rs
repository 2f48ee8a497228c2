use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::world::World;

/// Returns results of transformers for the small model, see
/// `mtpt-t5/scripts/generate_reference.py`.
fn reference() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-t5/tests/fixtures/v1_1/reference.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn lines(key_values: impl Iterator<Item = Value>) -> String {
    key_values.map(|row| format!("{row}\n")).collect()
}

#[test]
fn scores_match_transformers() {
    let world = World::new();
    let reference = reference();
    let [inputs, targets] = ["inputs", "targets"].map(|key| reference[key].as_array().unwrap());
    let rows = inputs
        .iter()
        .zip(targets)
        .map(|(input, target)| json!({ "input_ids": input, "target_ids": target }));
    let rows = world.rows("score --model model --batch-size 4", &lines(rows));
    assert_eq!(rows.len(), inputs.len());
    for (row, expected) in rows.iter().zip(reference["token_log_probabilities"].as_array().unwrap())
    {
        let (found, expected) = (numbers(&row["token_logprobs"]), numbers(expected));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            // The f32 tolerance of the library's parity tests.
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
        assert!((row["logprob"].as_f64().unwrap() - expected.iter().sum::<f64>()).abs() < 1e-3);
    }
}

#[test]
fn greedy_and_beam_search_match_transformers() {
    let world = World::new();
    let reference = reference();
    let inputs = || {
        let inputs = reference["inputs"].as_array().unwrap();
        lines(inputs.iter().map(|input| json!({ "input_ids": input })))
    };
    let check = |options: &str, expected: &Value| {
        let rows = world.rows(&format!("generate --model model {options}"), &inputs());
        let found: Vec<&Value> = rows.iter().map(|row| &row["ids"]).collect();
        assert_eq!(found, expected.as_array().unwrap().iter().collect::<Vec<_>>(), "{options}");
    };
    check("--max-new-tokens 16", &reference["greedy"]);
    let searches = reference["searches"].as_array().unwrap();
    let mut checked = 0;
    for search in searches.iter().filter(|search| search["early_stopping"] == json!(false)) {
        let options = format!(
            "--num-beams {} --length-penalty={} --max-new-tokens {}",
            search["num_beams"], search["length_penalty"], search["max_new_tokens"]
        );
        check(&options, &search["texts"]);
        checked += 1;
    }
    assert!(checked >= 2, "searches with several length penalties");
}

#[test]
fn sampling_is_reproducible_by_seed() {
    let world = World::new();
    let sample = |seed: u32| {
        let command = format!(
            "generate --model model --temperature 2 --top-k 30 --top-p 0.9 --seed {seed} --max-new-tokens 12"
        );
        world.rows(&command, "{\"input\": \"one two\"}\n{\"input\": \"three\"}\n")
    };
    assert_eq!(sample(1), sample(1));
    assert_ne!(sample(1), sample(2));
}

#[test]
fn prompts_change_the_output() {
    let world = World::new();
    world.train();
    let row = "{\"input\": \"mood day brought sun\", \"target\": \"happy\"}\n";
    let plain = world.rows("score --model model", row);
    let prompted = "--prompts run/prompts.safetensors --task mood";
    let with_prompts = world.rows(&format!("score --model model {prompted}"), row);
    assert_ne!(plain[0]["logprob"], with_prompts[0]["logprob"]);
    assert_eq!(
        with_prompts[0]["token_logprobs"].as_array().unwrap().len(),
        2,
        "a word and its end"
    );
    // `predict` ranks by the same log-probabilities.
    let predict = format!("predict --model model {prompted}");
    let ranked = world.rows(&predict, row);
    let ranked = ranked[0]["scores"]["0"].as_f64().unwrap();
    assert!((ranked - with_prompts[0]["logprob"].as_f64().unwrap()).abs() < 1e-4);
    let generated = world.rows(&format!("generate --model model {prompted}"), row);
    assert!(generated[0]["text"].is_string() && generated[0]["ids"].is_array());
}

#[test]
fn json_lines_file_is_read_like_standard_input() {
    let world = World::new();
    let rows = "{\"input_ids\": [5, 9, 94], \"target_ids\": [17, 94]}\n\n{\"input_ids\": [7, 94], \"target_ids\": [3, 94]}\n";
    fs::write(world.path("rows.jsonl"), rows).unwrap();
    let expected = world.rows("score --model model", rows);
    assert_eq!(expected.len(), 2);
    assert_eq!(world.rows("score --model model --input rows.jsonl", ""), expected);
    fs::write(world.path("wrong.jsonl"), rows.to_owned() + "[1]\n").unwrap();
    let wrong = world.run("score --model model --input wrong.jsonl", "");
    assert_eq!(wrong.code, 1);
    assert!(wrong.messages.contains(":4: expected a JSON object"), "{}", wrong.messages);
}

#[test]
fn fields_of_the_template_are_scored() {
    let world = World::new();
    world.train();
    let score = "score --model model --prompts run/prompts.safetensors --task mood";
    let rows = "{\"text\": \"day brought sun\", \"target\": \"happy\"}\n\
                {\"rendered_input\": \"mood day brought sun\", \"target\": \"happy\"}\n\
                {\"input\": \"mood day brought sun\", \"target\": \"happy\"}\n";
    let rows = world.rows(score, rows);
    assert_eq!(rows[0]["task"], "mood");
    assert_eq!(rows[1]["logprob"], rows[2]["logprob"]);
    assert!(rows[0]["logprob"].is_number());
}
