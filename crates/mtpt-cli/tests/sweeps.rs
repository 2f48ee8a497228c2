//! Several values of a setting: a run for each, and their comparison.

use std::fs;

use serde_json::{Value, json};

use crate::stages;
use crate::world::World;

/// Returns the lines of the table at the end of the messages, header first, split at spaces.
fn table(messages: &str) -> Vec<Vec<&str>> {
    let lines: Vec<Vec<&str>> =
        messages.lines().map(|line| line.split_whitespace().collect()).collect();
    let header = lines.iter().rposition(|line| line.contains(&"seconds")).unwrap();
    let end = lines[header..].iter().take_while(|line| !matches!(line[..], ["best", "run:", _]));
    end.cloned().collect()
}

#[test]
fn each_value_is_run_and_compared() {
    let world = World::new();
    let outcome = world.run("train run.toml --set training.learning_rate=0.001,0.3,0.01", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    let rows = &outcome.rows;
    assert_eq!(rows.len(), 3);
    let scores: Vec<f64> = rows.iter().map(|row| row["score"].as_f64().unwrap()).collect();
    for (row, rate) in rows.iter().zip([0.001, 0.3, 0.01]) {
        let run = format!("runs/run/learning_rate={rate}");
        assert_eq!(row["run"], run.as_str());
        assert_eq!(row["values"], json!({ "training.learning_rate": rate }));
        assert_eq!(row["prompts"], format!("{run}/prompts.safetensors"));
        assert!(row["seconds"].as_f64().is_some() && row["step"].as_u64().is_some(), "{row}");
        let config = fs::read_to_string(world.path(&run).join("config.toml")).unwrap();
        assert!(config.contains(&format!("learning_rate = {rate}")), "{config}");
        assert!(world.path(&run).join("run.json").is_file());
    }
    // Each run equals one that is started alone.
    world.rows("train run.toml --set training.learning_rate=0.3 --output alone", "");
    let prompts = |run: &str| fs::read(world.path(run).join("prompts.safetensors")).unwrap();
    assert!(prompts("alone") == prompts("runs/run/learning_rate=0.3"));
    let table = table(&outcome.messages);
    assert_eq!(table[0], ["learning_rate", "score", "best", "step", "seconds", "run"]);
    assert_eq!(table.len(), 4, "{}", outcome.messages);
    let mut sorted = scores.clone();
    sorted.sort_by(|first, second| second.total_cmp(first));
    for (line, score) in table[1..].iter().zip(sorted) {
        assert_eq!(line[1..3], [format!("{:.1}", 100.0 * score).as_str(), "%"], "{line:?}");
        assert_eq!(*line.last().unwrap(), format!("runs/run/learning_rate={}", line[0]));
    }
    assert!(outcome.messages.contains("run 2 of 3: training.learning_rate=0.3\n"));
    // What the runs have in common is printed once.
    for line in [
        "trainable parameters",
        "mood: 8 dev rows, accuracy of baselines: ",
        "step 0: mood dev accuracy",
    ] {
        assert_eq!(outcome.messages.matches(line).count(), 1, "{line}: {}", outcome.messages);
    }
    let best = format!("runs/run/learning_rate={}", table[1][0]);
    let (_, end) = outcome.messages.split_once(&format!("best run: {best}\n")).unwrap();
    let expected = format!(
        "to predict: mtpt predict --prompts {best} --input FILE\nto compare: mtpt report runs/run\n"
    );
    assert!(end.ends_with(&expected), "{end}");
    // A sweep protects its runs, and resumes by skipping those that are complete.
    let again = world.run("train run.toml --set training.learning_rate=0.3,0.1", "");
    assert_eq!((again.code, again.rows.len()), (1, 0), "{}", again.messages);
    let expected = "`runs/run/learning_rate=0.3` contains a run (6 of 6 steps";
    assert!(again.messages.contains(expected), "{}", again.messages);
    let record = || fs::read(world.path("runs/run/learning_rate=0.3/run.json")).unwrap();
    let before = record();
    let again = world.run("train run.toml --resume --set training.learning_rate=0.3,0.1", "");
    assert_eq!(again.code, 0, "{}", again.messages);
    assert_eq!(again.messages.matches("already complete: 6 of 6 steps").count(), 1);
    assert_eq!(again.messages.matches("results on dev").count(), 1, "{}", again.messages);
    assert!(record() == before, "a complete run gets no session");
    assert_eq!(again.rows[0]["score"], rows[1]["score"]);
    assert_eq!(again.rows[0]["seconds"], rows[1]["seconds"], "of the steps, whenever made");
}

#[test]
fn several_keys_make_their_product() {
    let world = World::new();
    let rows = world.rows(
        "train run.toml --output sweep --set training.steps=1,2 --set seed=3 \
         --set composition.strategy=add,separate",
        "",
    );
    let runs: Vec<&str> = rows.iter().map(|row| row["run"].as_str().unwrap()).collect();
    assert_eq!(
        runs,
        [
            "sweep/steps=1+strategy=add",
            "sweep/steps=1+strategy=separate",
            "sweep/steps=2+strategy=add",
            "sweep/steps=2+strategy=separate"
        ]
    );
    assert_eq!(
        rows[3]["values"],
        json!({ "training.steps": 2, "composition.strategy": "separate" })
    );
    let config = fs::read_to_string(world.path(runs[2]).join("config.toml")).unwrap();
    assert!(config.contains("steps = 2") && config.contains("seed = 3"), "{config}");
}

#[test]
fn lists_and_texts_with_commas_are_single_values() {
    let world = World::new();
    for (setting, written) in [
        ("prompt.initializer={kind=\"text\",text=\"sun,rain\"}", "text = \"sun,rain\""),
        ("prompt.frozen_levels=[1]", "frozen_levels = [1]"),
        ("composition={strategy=\"low_rank\",rank=2}", "rank = 2"),
    ] {
        let outcome =
            world.run(&format!("train run.toml --output run --force --set {setting}"), "");
        assert_eq!(outcome.code, 0, "{}", outcome.messages);
        assert!(!outcome.messages.contains("run 1 of"), "{}", outcome.messages);
        let config = fs::read_to_string(world.path("run/config.toml")).unwrap();
        assert!(config.contains(written), "{config}");
    }
    let outcome = world.run("train run.toml --set training.learning_rate=0.1,", "");
    assert_eq!(outcome.code, 1);
    let expected = "`--set training.learning_rate=0.1,`: a value is missing next to a comma";
    assert!(outcome.messages.contains(expected), "{}", outcome.messages);
    // A folder whose name contains a comma.
    let fixture = world.path("model");
    fs::rename(fixture, world.path("my,model")).unwrap();
    world.rows("train run.toml --output comma --set model=my,model", "");
}

#[test]
fn a_failed_value_does_not_end_the_sweep() {
    let world = World::new();
    let outcome = world.run(
        "train run.toml --set training.steps=30 --set evaluation.every=30 \
         --set training.learning_rate=1e38,0.1",
        "",
    );
    assert_eq!(outcome.code, 1, "{}", outcome.messages);
    assert_eq!(outcome.rows.len(), 2);
    assert!(outcome.rows[0]["error"].as_str().unwrap().starts_with("step "), "{}", outcome.rows[0]);
    assert!(outcome.messages.contains(", because the learning rate, "), "{}", outcome.messages);
    assert!(outcome.rows[1]["score"].is_number());
    let table = table(&outcome.messages);
    assert_eq!((table[1][0], table[2][0], table[2][1]), ("0.1", "1e38", "failed"));
    let last = outcome.messages.lines().last().unwrap();
    assert_eq!(last, "error: 1 of 2 runs failed; the others are complete");
    // Settings that can't be right are reported before anything is run.
    let outcome = world.run("train run.toml --output other --set training.steps=2,none", "");
    assert_eq!((outcome.code, outcome.rows.len()), (1, 0));
    assert!(outcome.messages.contains("`--set training.steps=none`: "), "{}", outcome.messages);
    assert!(!world.path("other").exists());
}

#[test]
fn other_commands_sweep_too() {
    let world = World::with_text();
    let rows = world.rows("pretrain pretrain.toml --set training.learning_rate=0.001,0.003", "");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["model"], "runs/pretrain/learning_rate=0.003/model");
    assert!(rows[1]["losses"]["lm"].is_number());
    world.rows("pretrain pretrain.toml --output alone --set training.learning_rate=0.003", "");
    let weights = |run: &str| fs::read(world.path(run).join("model/model.safetensors")).unwrap();
    assert!(weights("alone") == weights("runs/pretrain/learning_rate=0.003"));

    let world = stages::world();
    let command = "train mpt.toml --output mpt --set adaptation.training.learning_rate=0.1,0.2";
    let rows = world.rows(command, "");
    let score = |row: &Value| row["score"].as_f64();
    assert!(rows.len() == 2 && rows.iter().all(|row| score(row).is_some()), "{rows:?}");
    let rows = world.rows(
        "adapt mpt.toml --prompts mpt/learning_rate=0.1/source --output adapted \
         --set adaptation.training.steps=1,2",
        "",
    );
    assert_eq!(rows[0]["prompts"], "adapted/steps=1/prompts.safetensors");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_sweep() {
    let world = World::new();
    let line = "mtpt train run.toml --output sweep --set evaluation.every=100000 \
                --set training.steps=2,100000,50000 & \
                until [ -s sweep/steps=100000/metrics.jsonl ]; do sleep 0.05; done; \
                kill $!; wait $!";
    let (code, messages) = world.shell(line);
    assert_eq!(code, 143, "{messages}");
    assert!(messages.contains("run 2 of 3: training.steps=100000\n"), "{messages}");
    assert!(!world.path("sweep/steps=50000").exists(), "{messages}");
    let last = messages.lines().last().unwrap();
    assert!(last.starts_with("Interrupted at step ") && last.contains("/100000. "), "{last}");
}
