//! Files written by earlier versions: prompt files of every strategy, and an interrupted run.
//!
//! `scripts/write_version_fixtures.sh` wrote them with the binary of that version.

use std::fs;
use std::path::{Path, PathBuf};

use mtpt::io::NamedTensors;
use serde_json::Value;

use crate::world::{World, copy_folder};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version_0_1").join(name)
}

#[test]
fn prompts_of_every_strategy_predict_as_before() {
    let world = World::new();
    let input = fs::read_to_string(fixture("rows.jsonl")).unwrap();
    let files = fs::read_dir(fixture("")).unwrap().map(|entry| entry.unwrap().path());
    let strategies: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|it| it == "safetensors"))
        .filter(|path| !path.ends_with("completed.safetensors"))
        .collect();
    assert_eq!(strategies.len(), 11);
    let predict = "predict --model model";
    for prompts in strategies {
        let rows = world.rows(&format!("{predict} --prompts {}", prompts.display()), &input);
        let expected = fs::read_to_string(prompts.with_extension("jsonl")).unwrap();
        let expected: Vec<Value> =
            expected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), expected.len());
        for (row, expected) in rows.iter().zip(&expected) {
            let name = prompts.file_stem().unwrap().display();
            // Earlier versions had the label word as `label`, and listed scores by words.
            let label = expected.get("raw_label").unwrap_or(&expected["label"]);
            assert_eq!(&row["label"], label, "{name}");
            assert_eq!(row.get("word").unwrap_or(label), &expected["label"], "{name}");
            let [found, scores] = [&row["scores"], &expected["scores"]].map(Value::as_object);
            for (found, score) in found.unwrap().values().zip(scores.unwrap().values()) {
                let difference = found.as_f64().unwrap() - score.as_f64().unwrap();
                // Scores of about -10 in f32, summed in another order on another CPU.
                assert!(difference.abs() < 1e-4, "{name}: {row}, expected {expected}");
            }
        }
    }
}

#[test]
fn interrupted_runs_resume_to_the_same_prompts() {
    let world = World::new();
    copy_folder(&fixture("run"), &world.path("run"));
    world.rows("train run.toml --output run --set evaluation.every=0 --resume", "");
    let prompts = NamedTensors::read(&world.path("run/prompts.safetensors")).unwrap();
    let expected = NamedTensors::read(&fixture("completed.safetensors")).unwrap();
    let names = |file: &NamedTensors| file.tensors.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&prompts), names(&expected));
    for (name, tensor) in &expected.tensors {
        let values = prompts.tensors[name].iter::<f32>();
        for (value, expected) in values.zip(tensor.iter::<f32>()) {
            // The same bits on the CPU that wrote the fixtures. Elsewhere gradients differ by
            // rounding, which two AdamW steps with learning rates up to 0.1 pass on.
            assert!((value - expected).abs() < 1e-2, "{name}: {value}, expected {expected}");
        }
    }
}

#[test]
fn configurations_written_by_runs_train_again() {
    let world = World::new();
    fs::copy(fixture("run/config.toml"), world.path("config.toml")).unwrap();
    world.rows("train config.toml --output run", "");
    assert!(world.path("run/prompts.safetensors").is_file());
}
