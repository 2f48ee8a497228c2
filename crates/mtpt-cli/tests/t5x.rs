//! T5X checkpoints as models and as prompts.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::world::{World, copy_folder};

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-t5/tests/fixtures").join(name)
}

/// Returns a world with its model, and the same model as a T5X checkpoint without a tokenizer.
fn world() -> World {
    let world = World::new();
    copy_folder(&fixture("t5x/v1_1"), &world.path("t5x/checkpoint_3"));
    world
}

const STEP: &str = "t5x/checkpoint_3";

#[test]
fn token_ids_need_no_tokenizer() {
    let world = world();
    let reference: Value =
        serde_json::from_str(&fs::read_to_string(fixture("v1_1/reference.json")).unwrap()).unwrap();
    let [inputs, targets] = ["inputs", "targets"].map(|key| reference[key].as_array().unwrap());
    let rows: String = inputs
        .iter()
        .zip(targets)
        .map(|(input, target)| format!("{}\n", json!({ "input_ids": input, "target_ids": target })))
        .collect();
    let scored = world.rows(&format!("score --model {STEP}"), &rows);
    assert_eq!(scored, world.rows("score --model model", &rows));
    assert_eq!(scored.len(), inputs.len());

    let texts = world.rows(&format!("generate --model {STEP} --max-new-tokens 4"), &rows);
    assert_eq!(texts.len(), inputs.len());
    for row in &texts {
        assert_eq!(row["text"], Value::Null);
        assert!(!row["ids"].as_array().unwrap().is_empty());
    }
    // The same is true for a Hugging Face folder.
    fs::remove_file(world.path("model/tokenizer.json")).unwrap();
    assert_eq!(world.rows("score --model model", &rows), scored);

    for model in [STEP, "model"] {
        let outcome = world
            .run(&format!("score --model {model}"), "{\"input\": \"day\", \"target_ids\": [2]}\n");
        assert_eq!(outcome.code, 1);
        assert!(outcome.messages.contains(":1: "), "{}", outcome.messages);
        assert!(outcome.messages.contains("`spiece.model`"), "{}", outcome.messages);
    }
}

#[test]
fn prompts_are_trained_on_a_t5x_checkpoint() {
    let world = world();
    let train = format!("train run.toml --set model={STEP} --output run");
    let outcome = world.run(&train, "");
    assert_eq!(outcome.code, 1);
    let expected =
        "there is no tokenizer for the checkpoint `t5x/checkpoint_3`: put its `spiece.model`";
    assert!(outcome.messages.contains(expected), "{}", outcome.messages);

    fs::copy(world.path("model/tokenizer.json"), world.path("t5x/tokenizer.json")).unwrap();
    world.rows(&train, "");
    let evaluated = |model: &str| {
        world.rows(
            &format!("eval --model {model} --prompts run/prompts.safetensors --tasks run.toml"),
            "",
        )
    };
    assert_eq!(evaluated(STEP), evaluated("model"));
    let answers = |model: &str| {
        world.rows(
            &format!("predict --model {model} --prompts run/prompts.safetensors --task mood"),
            "{\"text\": \"day brought sun\"}\n",
        )
    };
    assert_eq!(answers(STEP), answers("model"));
}

#[test]
fn folder_of_all_steps_is_rejected() {
    let world = world();
    let outcome = world.run("score --model t5x", "");
    assert_eq!(outcome.code, 1);
    let expected = "`t5x` is not a T5X checkpoint: it has no file `checkpoint`; use the folder of \
                    one step, such as `t5x/checkpoint_3`";
    assert!(outcome.messages.contains(expected), "{}", outcome.messages);
}

#[test]
fn checkpoint_is_inspected_as_model_or_prompts() {
    let world = world();
    let description = world.rows(&format!("inspect {STEP} --json"), "");
    assert_eq!(description[0]["kind"], "model", "{description:?}");
    let prompt = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../mtpt-infer/tests/fixtures/prompt_tuning/prompt.npy");
    let export = "export --format t5x --output prompt/checkpoint_1 --prompts";
    world.rows(&format!("{export} {}", prompt.display()), "");
    let description = world.rows("inspect prompt/checkpoint_1 --json", "");
    assert_eq!(description[0]["length"], 5, "{description:?}");
    assert_eq!(description[0]["parameters"], 5 * 16);
}
