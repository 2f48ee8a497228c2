use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::{CONFIG, World};

/// Checkpoints of `mtpt-t5/scripts/generate_family_reference.py`.
const FAMILY: [&str; 9] = [
    "mt5",
    "mt5_v4",
    "umt5",
    "umt5_v4",
    "byt5",
    "flan_ul2",
    "longt5_local",
    "longt5_global",
    "longt5_global_v4",
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-t5/tests/fixtures/family").join(name)
}

/// Returns a world with a member of the family as its model, without a tokenizer.
fn world(name: &str) -> World {
    let world = World::new();
    for file in ["config.json", "model.safetensors"] {
        fs::copy(fixture(name).join(file), world.path("model").join(file)).unwrap();
    }
    fs::remove_file(world.path("model/tokenizer.json")).unwrap();
    world
}

/// Replaces the model of a world. The end token and the sentinels of the tokenizer get ids within
/// its smaller vocabulary, and the model gets the same end token.
fn with_model(world: World, name: &str) -> World {
    let weights = "model.safetensors";
    fs::copy(fixture(name).join(weights), world.path("model").join(weights)).unwrap();
    let config = fs::read_to_string(fixture(name).join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["eos_token_id"] = json!(60);
    world.write("model/config.json", &config.to_string());
    let mut tokenizer = fs::read_to_string(world.path("model/tokenizer.json")).unwrap();
    for id in 86..=94 {
        tokenizer = tokenizer.replace(&id.to_string(), &(id - 34).to_string());
    }
    world.write("model/tokenizer.json", &tokenizer);
    world
}

fn reference(name: &str) -> Value {
    serde_json::from_slice(&fs::read(fixture(name).join("reference.json")).unwrap()).unwrap()
}

fn lines(rows: impl Iterator<Item = Value>) -> String {
    rows.map(|row| format!("{row}\n")).collect()
}

#[test]
fn scores_and_texts_of_the_whole_family_match_transformers() {
    for name in FAMILY {
        let (world, reference) = (world(name), reference(name));
        let [inputs, targets] = ["inputs", "targets"].map(|key| reference[key].as_array().unwrap());
        let rows = inputs
            .iter()
            .zip(targets)
            .map(|(input, target)| json!({ "input_ids": input, "target_ids": target }));
        let found = world.rows("score --model model", &lines(rows));
        let expected = reference["token_log_probabilities"].as_array().unwrap();
        for (row, expected) in found.iter().zip(expected) {
            let expected: f64 =
                expected.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).sum();
            let found = row["logprob"].as_f64().unwrap();
            // Sums of at most nine log-probabilities that are within 1e-4.
            assert!((found - expected).abs() < 1e-3, "{name}: {found}, {expected}");
        }
        let inputs = lines(inputs.iter().map(|input| json!({ "input_ids": input })));
        for (options, expected) in [
            ("--max-new-tokens 16", &reference["greedy"]),
            ("--max-new-tokens 12 --num-beams 4", &reference["searches"][0]["texts"]),
        ] {
            let rows = world.rows(&format!("generate --model model {options}"), &inputs);
            let found: Vec<&Value> = rows.iter().map(|row| &row["ids"]).collect();
            assert_eq!(found, expected.as_array().unwrap().iter().collect::<Vec<_>>(), "{name}");
        }
    }
}

#[test]
fn prompts_are_trained_on_the_whole_family() {
    for name in FAMILY {
        let world = with_model(World::new(), name);
        let config = CONFIG.replace("steps = 6", "steps = 40, learning_rate = 0.3");
        world.write("run.toml", &config);
        let outcome = world.run("train run.toml --output run", "");
        assert_eq!(outcome.code, 0, "{name}: {}", outcome.messages);
        let metrics = world.json_lines("run/metrics.jsonl");
        let losses: Vec<f64> = metrics.iter().filter_map(|line| line["loss"].as_f64()).collect();
        let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
        let count = losses.len();
        let (first, last) = (mean(&losses[..count / 4]), mean(&losses[count - count / 4..]));
        assert!(last < 0.9 * first, "{name}: {losses:?}");
    }
}

#[test]
fn whole_models_are_trained_and_saved_with_their_type() {
    for (name, model_type) in [("mt5", "mt5"), ("umt5_v4", "umt5"), ("longt5_global", "longt5")] {
        let world = with_model(World::with_text(), name);
        let outcome = world.run("pretrain pretrain.toml --output run", "");
        assert_eq!(outcome.code, 0, "{name}: {}", outcome.messages);
        let config = world.json("run/model/config.json");
        assert_eq!(config["model_type"], model_type);
        assert_ne!(
            fs::read(world.path("run/model/model.safetensors")).unwrap(),
            fs::read(world.path("model/model.safetensors")).unwrap()
        );
        let rows = "{\"input_ids\": [5, 9], \"target_ids\": [7]}\n";
        assert_eq!(world.rows("score --model run/model", rows).len(), 1, "{name}");
    }
}

#[test]
fn other_models_are_rejected_before_anything_is_read() {
    let world = World::new();
    fs::remove_file(world.path("model/model.safetensors")).unwrap();
    fs::remove_file(world.path("model/tokenizer.json")).unwrap();
    for (config, part) in [
        (r#"{"model_type": "switch_transformers"}"#, "`switch_transformers`"),
        (r#"{"model_type": "t5gemma"}"#, "`t5gemma`"),
        (r#"{"model_type": "t5", "architectures": ["T5EncoderModel"]}"#, "has no decoder"),
        (r#"{"model_type": "t5", "quantization_config": {"quant_method": "gptq"}}"#, "`gptq`"),
    ] {
        world.write("model/config.json", config);
        for command in
            ["score --model model", "inspect model", "train run.toml", "generate --model model"]
        {
            let outcome = world.run(command, "");
            assert_eq!(outcome.code, 1, "{command}");
            assert!(outcome.messages.contains("model/config.json"), "{}", outcome.messages);
            assert!(outcome.messages.contains(part), "{command}: {}", outcome.messages);
        }
    }
}
