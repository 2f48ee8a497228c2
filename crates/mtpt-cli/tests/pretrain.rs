use std::fs;

use serde_json::Value;

use crate::world::{PRETRAINING, World, check_contains};

fn metrics(world: &World, run: &str) -> Vec<Value> {
    let mut lines = world.json_lines(&format!("{run}/metrics.jsonl"));
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("seconds");
    }
    lines
}

fn weights(world: &World, run: &str) -> Vec<u8> {
    fs::read(world.path(run).join("model/model.safetensors")).unwrap()
}

#[test]
fn trained_model_works_with_every_command() {
    let world = World::with_text();
    let outcome = world.run("pretrain pretrain.toml --output run --device flex", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    let row = &outcome.rows[0];
    assert_eq!((&row["model"], &row["step"]), (&"run/model".into(), &6.into()));
    assert!(outcome.messages.contains("spans: 144 tokens in "), "{}", outcome.messages);
    let results: Vec<Value> = metrics(&world, "run")
        .into_iter()
        .filter(|line| line["metric"] == "loss" && line["split"] == "dev")
        .collect();
    assert_eq!(world.path("run/tensorboard").read_dir().unwrap().count(), 1);
    // Two corpora before the first step, after the third and after the last.
    assert_eq!(results.len(), 6);
    for (result, name) in results[4..].iter().zip(["spans", "lm"]) {
        assert_eq!((&result["task"], &result["step"]), (&name.into(), &6.into()));
        assert_eq!(result["value"], row["losses"][name]);
    }
    let tokenizer = |folder: &str| fs::read(world.path(folder).join("tokenizer.json")).unwrap();
    assert!(tokenizer("run/model") == tokenizer("model"));
    assert!(weights(&world, "run") != fs::read(world.path("model/model.safetensors")).unwrap());
    let scored = |model: &str| {
        let input = "{\"input\": \"day brought\", \"target\": \"sun\"}\n";
        world.rows(&format!("score --model {model}"), input)[0]["logprob"].as_f64().unwrap()
    };
    assert!(scored("run/model") > scored("model"), "six steps improve the model");
    world.rows("train run.toml --set model=run/model --output prompts", "");
}

#[test]
fn resumed_run_with_dropout_is_bit_exact() {
    let world = World::with_text();
    let command = "pretrain pretrain.toml --set dropout=true --output";
    world.rows(&format!("{command} whole"), "");
    world.rows(&format!("{command} parts"), "");
    // Simulate a run that stopped after its fourth step.
    fs::remove_dir_all(world.path("parts/checkpoints/step-00000006")).unwrap();
    fs::remove_dir_all(world.path("parts/model")).unwrap();
    let rows = world.rows(&format!("{command} parts --resume"), "");
    assert_eq!(rows[0]["step"], 6);
    assert!(weights(&world, "parts") == weights(&world, "whole"));
    assert_eq!(metrics(&world, "parts"), metrics(&world, "whole"));
    // Dropout has an effect.
    world.rows("pretrain pretrain.toml --output without", "");
    assert!(weights(&world, "without") != weights(&world, "whole"));
}

#[test]
fn tasks_and_corpora_are_trained_jointly() {
    let world = World::with_text();
    let tasks = crate::world::CONFIG.split("[[tasks]]").skip(1);
    let tasks: String = tasks.map(|task| format!("[[tasks]]{task}")).collect();
    world.write("pretrain.toml", &format!("{PRETRAINING}{tasks}"));
    let rows = world.rows("pretrain pretrain.toml --output run", "");
    let names: Vec<&String> = rows[0]["losses"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["mood", "sky/wet", "spans", "lm"]);
    assert!(metrics(&world, "run").iter().any(|line| line["metric"] == "accuracy"));
}

#[test]
fn best_model_on_dev_is_saved_with_keep_best() {
    let world = World::with_text();
    // The learning rate rises until the model gets worse.
    let worse = "pretrain pretrain.toml --set training.learning_rate=0.2 --set training.warmup_steps=5 --set evaluation.every=1";
    let last = world.rows(&format!("{worse} --output last"), "");
    assert_eq!(last[0]["step"], 6);
    let best = world.rows(&format!("{worse} --set evaluation.keep_best=true --output best"), "");
    let step = best[0]["step"].as_u64().unwrap();
    assert!(step < 6, "{step}");
    let mean = |rows: &[Value]| -> f64 {
        rows[0]["losses"].as_object().unwrap().values().map(|it| it.as_f64().unwrap()).sum()
    };
    assert!(mean(&best) < mean(&last), "{best:?} {last:?}");
    let means: Vec<f64> = (0..=6)
        .map(|step| {
            let lines = metrics(&world, "best").into_iter();
            let results = lines.filter(|line| line["metric"] == "loss" && line["step"] == step);
            results.map(|line| line["value"].as_f64().unwrap()).sum()
        })
        .collect();
    assert!(means.iter().all(|other| *other >= mean(&best)), "{means:?}");
    // The saved model is that of the best step, even if a finished run is resumed.
    let until = world.rows(&format!("{worse} --set evaluation.patience=1 --output until"), "");
    let stopped = until[0]["stopped_early"].as_u64().unwrap();
    assert!(stopped > until[0]["step"].as_u64().unwrap());
    let written = weights(&world, "best");
    assert!(written != weights(&world, "last"));
    fs::remove_dir_all(world.path("best/model")).unwrap();
    world.rows(&format!("{worse} --set evaluation.keep_best=true --output best --resume"), "");
    assert!(written == weights(&world, "best"));
}

#[test]
fn errors_are_reported_before_anything_is_written() {
    let check = |world: &World, arguments: &str, parts: &[&str]| {
        let outcome = world.run(&format!("pretrain pretrain.toml --output run {arguments}"), "");
        assert_eq!(outcome.code, 1, "{}", outcome.messages);
        let line = outcome.messages.lines().last().unwrap_or_default();
        assert!(line.starts_with("error: ") && !line.contains("panicked"), "{line}");
        check_contains(line, parts);
        assert!(!world.path("run").exists(), "nothing is written");
    };
    let world = World::with_text();
    check(&world, "--set training.steps=0", &["`training.steps` must be at least 1"]);
    check(&world, "--set training.max_input_length=0", &["must be at least 1, found 0"]);
    check(&world, "--set prompt.length=3", &["`--set prompt.length=3`: unknown field `prompt`"]);
    check(&world, "--set model=nowhere", &["nowhere"]);
    let broken = |world: &World, from: &str, to: &str| {
        world.write("pretrain.toml", &PRETRAINING.replace(from, to));
    };
    broken(&world, "prefix_lm", "magic");
    check(&world, "", &["pretrain.toml:", "`magic`", "`span_corruption`"]);
    broken(&world, "mean_span_length", "mean_length");
    check(&world, "", &["pretrain.toml:19", "`mean_length`"]);
    broken(&world, "train.txt", "snow.txt");
    check(&world, "", &["corpus `spans`", "snow.txt", "No such file"]);
    broken(&world, "objective = \"prefix_lm\"", "objective = \"prefix_lm\"\nweight = 0");
    check(&world, "", &["pretrain.toml:21", "corpus `lm`", "`weight`"]);
    world.write("pretrain.toml", "model = \"model\"\n");
    check(&world, "", &["nothing to train on", "`[[corpora]]`", "`[[tasks]]`"]);
    broken(&world, "", "");
    world.write("dev.txt", "");
    check(&world, "", &["corpus `spans`", "dev.txt: expected rows, found none"]);
    // The default tokenizer of the world has no sentinels.
    let world = World::new();
    world.write("train.txt", "day brought sun\n");
    world.write("dev.txt", "day brought sun\n");
    world.write("pretrain.toml", PRETRAINING);
    check(&world, "", &["corpus `spans`", "the tokenizer has no `<extra_id_0>`"]);
}
