use std::fs;

use serde_json::{Value, json};

use crate::world::World;

#[test]
fn run_writes_the_documented_files() {
    let world = World::new();
    let outcome = world.run("train run.toml --output run --device flex", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert_eq!(outcome.rows.len(), 1);
    assert_eq!(outcome.rows[0]["prompts"], "run/prompts.safetensors");
    assert!(outcome.messages.contains("step 6/6, loss "), "{}", outcome.messages);
    assert!(outcome.messages.contains("step 3: mood dev accuracy "), "{}", outcome.messages);
    // The mean is over tasks, independent of their eight and three rows.
    assert!(outcome.messages.contains("step 3: mean of 2 tasks dev "), "{}", outcome.messages);
    assert!(
        outcome.messages.contains("step 6/6, loss ")
            && (outcome.messages.contains(" (mood ") || outcome.messages.contains(" (sky/wet "))
    );
    for name in
        ["run/config.toml", "run/metrics.jsonl", "run/tensorboard", "run/checkpoints/step-00000006"]
    {
        assert!(world.path(name).exists(), "{name}");
    }
    let lines = world.json_lines("run/metrics.jsonl");
    assert_eq!(lines.iter().filter(|line| line.get("loss").is_some()).count(), 6);
    assert!(lines.iter().any(|line| line["task"] == "sky/wet" && line["split"] == "dev"));
}

#[test]
fn resolved_configuration_reproduces_the_run() {
    let world = World::new();
    world.rows("train run.toml --output first --set training.steps=4 --set seed=9", "");
    let resolved = fs::read_to_string(world.path("first/config.toml")).unwrap();
    assert!(resolved.contains("steps = 4"), "{resolved}");
    fs::copy(world.path("first/config.toml"), world.path("again.toml")).unwrap();
    world.rows("train again.toml --output second", "");
    let prompts = |run: &str| fs::read(world.path(run).join("prompts.safetensors")).unwrap();
    assert!(prompts("first") == prompts("second"));
}

#[test]
fn resuming_a_finished_run_changes_nothing() {
    let world = World::new();
    world.train();
    let before = fs::read(world.path("run/prompts.safetensors")).unwrap();
    let outcome = world.run("train run.toml --output run --resume", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert!(!outcome.messages.contains("loss"), "{}", outcome.messages);
    assert!(before == fs::read(world.path("run/prompts.safetensors")).unwrap());
}

#[test]
fn early_stopping_is_reported() {
    let world = World::new();
    // No mean can improve by 1, so the run stops after the evaluation at step 1 and two more.
    let command = "train run.toml --set evaluation.every=1 --set evaluation.patience=2 --set evaluation.min_delta=1";
    let outcome = world.run(&format!("{command} --output run"), "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert_eq!(outcome.rows[0]["stopped_early"], 3);
    let note = "note: ended after step 3: 2 evaluations without progress on `dev`";
    assert!(outcome.messages.lines().any(|line| line == note), "{}", outcome.messages);
    assert!(!outcome.messages.contains("step 4"), "{}", outcome.messages);
    let whole = world.run("train run.toml --output whole", "");
    assert_eq!((&whole.rows[0]["stopped_early"], whole.code), (&Value::Null, 0));
}

#[test]
fn optimizer_is_adamw_or_adafactor() {
    let world = World::new();
    let rows = |settings: &str, name: &str| {
        world.rows(&format!("train run.toml --output {name} {settings}"), "");
        fs::read(world.path(name).join("prompts.safetensors")).unwrap()
    };
    let adafactor = rows("--set training.optimizer.kind=adafactor", "adafactor");
    assert!(adafactor != rows("", "adamw"));
    let resolved = fs::read_to_string(world.path("adafactor/config.toml")).unwrap();
    assert!(resolved.contains("kind = \"adafactor\"\ndecay_rate = 0.8"), "{resolved}");
    fs::copy(world.path("adafactor/config.toml"), world.path("again.toml")).unwrap();
    world.rows("train again.toml --output again", "");
    assert!(adafactor == fs::read(world.path("again/prompts.safetensors")).unwrap());
    let outcome = world.run("train run.toml --set training.optimizer.kind=adam --output none", "");
    assert_eq!(outcome.code, 1);
    for part in ["`adam`", "`adamw`", "`adafactor`"] {
        assert!(outcome.messages.contains(part), "{}", outcome.messages);
    }
    let settings = "--set training.optimizer.kind=adafactor --set training.optimizer.beta_2=0.9";
    let outcome = world.run(&format!("train run.toml {settings} --output none"), "");
    let expected = "`beta_2` is a key of the optimizer `adamw`";
    assert!(outcome.code == 1 && outcome.messages.contains(expected), "{}", outcome.messages);
}

#[test]
fn eval_agrees_with_training() {
    let world = World::new();
    let trained = world.rows("train run.toml --output run", "");
    let (best, score) = (&trained[0]["step"], trained[0]["score"].as_f64().unwrap());
    let rows = world.rows(
        "eval --model model --prompts run/prompts.safetensors --tasks run.toml --split dev",
        "",
    );
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["task"], &rows[0]["metric"]), (&json!("mood"), &json!("accuracy")));
    assert_eq!((&rows[1]["task"], &rows[1]["rows"]), (&json!("sky/wet"), &json!(3)));
    let mean = rows.iter().map(|row| row["value"].as_f64().unwrap()).sum::<f64>() / 2.0;
    assert!((mean - score).abs() < 1e-12);
    let metrics = world.json_lines("run/metrics.jsonl");
    for row in &rows {
        let measured = metrics.iter().find(|line| {
            &line["step"] == best && line["task"] == row["task"] && line.get("metric").is_some()
        });
        assert_eq!(measured.unwrap()["value"], row["value"]);
    }
}

#[test]
fn predict_preserves_the_order_of_mixed_tasks() {
    let world = World::new();
    world.train();
    let command = "predict --model model --prompts run/prompts.safetensors";
    let input = "{\"task\": \"mood\", \"input\": \"mood day brought sun\"}\n\n\
                 {\"task\": \"sky/wet\", \"input\": \"wet night brought rain\"}\n\
                 {\"task\": \"mood\", \"text\": \"day brought sun\"}\n";
    let rows = world.rows(command, input);
    assert_eq!(rows.len(), 3);
    let tasks = [("mood", ["0", "1"]), ("sky/wet", ["dry", "soaked"]), ("mood", ["0", "1"])];
    for (row, (task, labels)) in rows.iter().zip(tasks) {
        let scores = row["scores"].as_object().unwrap();
        assert_eq!(scores.keys().collect::<Vec<_>>(), labels);
        let best = labels
            .into_iter()
            .max_by(|a, b| scores[*a].as_f64().unwrap().total_cmp(&scores[*b].as_f64().unwrap()))
            .unwrap();
        assert_eq!((&row["task"], &row["label"]), (&task.into(), &best.into()));
        // Relative to the other label.
        let exponentials = labels.map(|label| scores[label].as_f64().unwrap().exp());
        let expected = scores[best].as_f64().unwrap().exp() / exponentials.iter().sum::<f64>();
        // Log-probabilities have five decimals.
        assert!((row["probability"].as_f64().unwrap() - expected).abs() < 1e-5, "{row}");
    }
    // Fields are rendered by the task's template.
    assert_eq!(rows[0]["label"], rows[2]["label"]);
    // Predictions don't depend on other rows of the batch, up to the order of additions.
    let alone =
        world.rows(&format!("{command} --task mood"), "{\"input\": \"mood day brought sun\"}\n");
    for label in ["0", "1"] {
        let score = |row: &Value| row["scores"][label].as_f64().unwrap();
        assert!((score(&alone[0]) - score(&rows[0])).abs() < 1e-4);
    }
}
