//! The stages of `mtpt train`, and `mtpt adapt`.

use std::fs;

use serde_json::{Value, json};

use crate::world::{CONFIG, World};

/// The world's two tasks as sources, and a new target task.
const STAGES: &str = r#"
[teachers.training]
steps = 4

[distillation]
weight = 0.5

[adaptation]
targets = ["new"]

[adaptation.training]
steps = 2
task_learning_rate = 0.4

[[tasks]]
name = "new"
format = "json_lines"
train = "mood.jsonl"
dev = "mood.jsonl"
template = "mood {text}"
labels = { "0" = "happy", "1" = "sad" }
"#;

/// Returns the configuration of all stages.
pub(crate) fn config() -> String {
    format!("{CONFIG}{STAGES}")
}

pub(crate) fn world() -> World {
    let world = World::new();
    world.write("mpt.toml", &config());
    world
}

fn prompts(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["prompts"].as_str().unwrap()).collect()
}

#[test]
fn all_stages_run_from_one_file() {
    let world = world();
    let outcome = world.run("train mpt.toml --output run", "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert_eq!(
        prompts(&outcome.rows),
        [
            "run/teachers/mood/prompts.safetensors",
            "run/teachers/sky/wet/prompts.safetensors",
            "run/source/prompts.safetensors",
            "run/targets/new/prompts.safetensors",
            "run/prompts.safetensors"
        ]
    );
    assert_eq!(outcome.rows[2]["stage"], "source");
    for place in ["teachers/mood: ", "source: ", "targets/new: "] {
        assert!(outcome.messages.contains(place), "{}", outcome.messages);
    }
    // The final prompts predict rows of the target.
    let rows = world.rows(
        "predict --model model --prompts run/prompts.safetensors --task new",
        "{\"text\": \"day brought sun\"}\n",
    );
    assert!(["0", "1"].contains(&rows[0]["label"].as_str().unwrap()), "{}", rows[0]);
    // Completed runs are not repeated.
    let before = fs::read(world.path("run/prompts.safetensors")).unwrap();
    let again = world.run("train mpt.toml --output run --resume", "");
    assert_eq!(again.code, 0, "{}", again.messages);
    assert!(!again.messages.contains("loss"), "{}", again.messages);
    assert!(before == fs::read(world.path("run/prompts.safetensors")).unwrap());
}

#[test]
fn single_stage_runs_alone() {
    let world = world();
    let only =
        |stage: &str| world.rows(&format!("train mpt.toml --output run --stage {stage}"), "");
    assert_eq!(only("teachers").len(), 2);
    assert!(!world.path("run/source").exists());
    assert_eq!(only("source").len(), 1);
    assert_eq!(prompts(&only("targets"))[1], "run/prompts.safetensors");
    // Distillation requires the teachers.
    let outcome = world.run("train mpt.toml --output other --stage source", "");
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.messages.contains("other/teachers/mood/prompts.safetensors"),
        "{}",
        outcome.messages
    );
}

#[test]
fn adapt_requires_only_prompts_and_tasks() {
    let world = world();
    world.rows("train run.toml --output sources", "");
    let target = STAGES.split("[[tasks]]").nth(1).unwrap();
    world.write(
        "target.toml",
        &format!(
            "model = \"model\"\ntraining = {{ steps = 3, batch_size = 4 }}\n[[tasks]]{target}"
        ),
    );
    let adapt = "adapt target.toml --prompts sources/prompts.safetensors";
    let rows = world.rows(&format!("{adapt} --output adapted"), "");
    assert_eq!(
        prompts(&rows),
        ["adapted/targets/new/prompts.safetensors", "adapted/prompts.safetensors"]
    );
    // The composition and the length are those of the prompts.
    let resolved = fs::read_to_string(world.path("adapted/targets/new/config.toml")).unwrap();
    assert!(
        resolved.contains("length = 4") && resolved.contains("task_parts = \"average\""),
        "{resolved}"
    );
    for parts in ["fresh", "mood", "own"] {
        world.rows(&format!("{adapt} --output {parts} --task-parts {parts}"), "");
    }
    let outcome = world.run(&format!("{adapt} --output bad --task-parts modd"), "");
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.messages.contains("`modd`") && outcome.messages.contains("`mood`?"),
        "{}",
        outcome.messages
    );
    let outcome = world.run(&format!("{adapt} --output near --nearest 2"), "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert!(outcome.messages.contains("nearest to `new` is `"), "{}", outcome.messages);
}

#[test]
fn few_shot_results_are_written_and_reported() {
    let world = world();
    world.rows("train run.toml --output sources", "");
    let adapt = "adapt mpt.toml --prompts sources/prompts.safetensors --output few";
    let rows = world.rows(&format!("{adapt} --few-shot 2,4 --draws 2"), "");
    let results: Vec<&Value> = rows.iter().filter(|row| row.get("mean").is_some()).collect();
    assert_eq!(results.len(), 2);
    assert_eq!((&results[1]["task"], &results[1]["rows"]), (&json!("new"), &json!(4)));
    assert_eq!(results[1]["values"].as_array().unwrap().len(), 2);
    let written = world.json_lines("few/few_shot.jsonl");
    assert_eq!(written, results.into_iter().cloned().collect::<Vec<_>>());
    // The report shows the same values.
    world.rows("report few", "");
    let page = fs::read_to_string(world.path("few/report.html")).unwrap();
    for result in &written {
        let mean = result["mean"].as_f64().unwrap();
        assert!(page.contains(&format!("value=\"{mean}\"")), "{result}");
    }
    assert!(page.contains("Few-shot adaptation") && !page.contains("Nothing has been measured"));
    let rows = world.rows(&format!("{adapt} --few-shot 2 --per-label --draws 1 --force"), "");
    assert_eq!(rows.last().unwrap()["values"].as_array().unwrap().len(), 1);
}

#[test]
fn inspect_lists_all_runs() {
    let world = world();
    world.rows("train mpt.toml --output run", "");
    let text = world.text("inspect run");
    assert!(text.starts_with("run: 4 runs on `model`\n"), "{text}");
    for place in ["teachers/mood", "teachers/sky/wet", "source", "targets/new"] {
        assert!(text.contains(&format!("run run/{place}\n")), "{text}");
    }
    assert!(world.text("inspect run/targets/new").contains("2 of 2 steps"));
    // The configuration shows its tasks.
    assert!(world.text("inspect mpt.toml").contains("new"));
}
