//! Runs in the output folder: refused, overwritten, resumed and recorded.

use std::fs;

use serde_json::Value;

use crate::stages;
use crate::world::{Outcome, World, check_contains};

#[track_caller]
fn check_refused(outcome: &Outcome, parts: &[&str]) {
    assert_eq!(outcome.code, 1, "{}", outcome.messages);
    assert_eq!(outcome.messages.lines().count(), 1, "{}", outcome.messages);
    check_contains(&outcome.messages, parts);
}

/// Returns the sessions that `run.json` records.
fn sessions(world: &World, run: &str) -> Vec<Value> {
    world.json(&format!("{run}/run.json"))["sessions"].as_array().unwrap().clone()
}

#[test]
fn a_run_is_not_overwritten_without_force() {
    let world = World::new();
    world.train();
    let prompts = || fs::read(world.path("run/prompts.safetensors")).unwrap();
    let before = prompts();
    let shorter = "train run.toml --output run --set training.steps=1";
    let outcome = world.run(shorter, "");
    check_refused(
        &outcome,
        &[
            "error: `run` contains a run (6 of 6 steps, score ",
            " % at step ",
            " UTC); continue it with `--resume`, overwrite it with `--force`, or choose another \
             folder with `--output`",
        ],
    );
    assert!(before == prompts());
    assert!(world.path("run/checkpoints/step-00000006").is_dir());
    // A run without an outcome, or without anything but checkpoints or a log, is still a run.
    fs::remove_file(world.path("run/outcome.json")).unwrap();
    check_refused(&world.run(shorter, ""), &["`run` contains a run (6 of 6 steps, "]);
    for name in ["prompts.safetensors", "metrics.jsonl", "run.json"] {
        fs::rename(world.path("run").join(name), world.path(name)).unwrap();
        check_refused(&world.run(shorter, ""), &["`run` contains a run ("]);
    }
    world.rows(&format!("{shorter} --force"), "");
    let checkpoints = fs::read_dir(world.path("run/checkpoints")).unwrap();
    assert_eq!(checkpoints.count(), 1, "the old checkpoints are gone");
    // The other commands that train protect runs, too.
    let outcome = world.run("adapt run.toml --prompts prompts.safetensors --output run", "");
    check_refused(&outcome, &["`run` contains a run (1 of 1 step, "]);
    let outcome = world.run("train run.toml --output run --resume --force", "");
    assert_eq!(outcome.code, 2);
}

#[test]
fn default_folders_and_trained_models_are_protected() {
    let world = World::with_text();
    world.rows("train run.toml", "");
    check_refused(&world.run("train run.toml", ""), &["`runs/run` contains a run (6 of 6 steps"]);
    world.rows("pretrain pretrain.toml", "");
    let model = || fs::read(world.path("runs/pretrain/model/model.safetensors")).unwrap();
    let before = model();
    let again = "pretrain pretrain.toml --set training.steps=1";
    check_refused(&world.run(again, ""), &["`runs/pretrain` contains a run (6 of 6 steps"]);
    check_refused(&world.run("train run.toml --output runs/pretrain", ""), &["contains a run"]);
    assert!(before == model());
    world.rows(&format!("{again} --force"), "");
    assert!(before != model());
}

#[test]
fn folders_above_runs_are_protected() {
    let world = World::new();
    world.rows("train run.toml --output runs/first", "");
    world.rows("train run.toml --output runs/second", "");
    check_refused(
        &world.run("train run.toml --output runs", ""),
        &["`runs` contains 2 runs in subfolders (`first`, `second`); choose another folder with \
           `--output`, or pass `--force` to keep these runs and put the new one directly into \
           `runs`"],
    );
    assert!(!world.path("runs/config.toml").exists());
    world.rows("train run.toml --output runs --force", "");
    for run in ["runs", "runs/first", "runs/second"] {
        assert!(world.path(run).join("outcome.json").is_file(), "{run}");
    }
    // Files of other programs are no run.
    fs::create_dir_all(world.path("other/config")).unwrap();
    world.write("other/notes.txt", "mine");
    world.write("other/config/config.toml", "theirs = 1\n");
    world.rows("train run.toml --output other", "");
    assert_eq!(fs::read_to_string(world.path("other/notes.txt")).unwrap(), "mine");
}

#[test]
fn stages_overwrite_only_with_force() {
    let world = stages::world();
    // Each stage adds to the folder.
    for stage in ["teachers", "source", "targets"] {
        world.rows(&format!("train mpt.toml --output run --stage {stage}"), "");
    }
    let recorded = sessions(&world, "run");
    let steps = |session: &Value| {
        (session["first_step"].as_u64().unwrap(), session["last_step"].as_u64().unwrap())
    };
    // Two teachers of four steps, the source run of six, and a target of two.
    assert_eq!(recorded.iter().map(steps).collect::<Vec<_>>(), [(0, 8), (0, 6), (0, 2)]);
    assert!(!world.path("run/source/run.json").exists());
    for again in ["--stage targets", "--stage teachers", ""] {
        let outcome = world.run(&format!("train mpt.toml --output run {again}"), "");
        check_refused(&outcome, &["`run` contains a run", "overwrite it with `--force`"]);
    }
    fs::remove_file(world.path("run/prompts.safetensors")).unwrap();
    let outcome = world.run("train mpt.toml --output run --stage source", "");
    check_refused(&outcome, &["`run/source` contains a run (6 of 6 steps, score "]);
    world.rows("train mpt.toml --output run --stage source --force", "");
    assert!(!world.path("run/targets/new/config.toml").exists());
}

#[test]
fn resuming_reports_where_it_continues() {
    let world = World::new();
    let command = "train run.toml --output run --resume";
    let lines = |outcome: &Outcome| outcome.messages.clone();
    let first = world.run(command, "");
    let expected = "nothing to resume in `run`: starting with the first step\n";
    assert!(lines(&first).contains(expected), "{}", first.messages);
    let complete = world.run(command, "");
    assert!(lines(&complete).contains("already complete: 6 of 6 steps\n"), "{}", complete.messages);
    assert_eq!(complete.rows, first.rows, "the result is printed again");
    // It is read, not evaluated again.
    let path = world.path("run/evaluation.json");
    let evaluation = fs::read_to_string(&path).unwrap();
    fs::write(&path, evaluation.replace("\"rows\":8", "\"rows\":4321")).unwrap();
    let complete = world.run(command, "");
    assert!(lines(&complete).contains("4,321"), "{}", complete.messages);
    let complete = world.run(&format!("{command} --set evaluation.examples=1"), "");
    assert!(!lines(&complete).contains("4,321"), "{}", complete.messages);
    fs::remove_dir_all(world.path("run/checkpoints/step-00000006")).unwrap();
    let resumed = world.run(command, "");
    assert!(lines(&resumed).contains("resuming at step 4 of 6 steps\n"), "{}", resumed.messages);
    assert_eq!(resumed.rows, first.rows);
    let steps: Vec<[Option<u64>; 2]> = sessions(&world, "run")
        .iter()
        .map(|session| ["first_step", "last_step"].map(|key| session[key].as_u64()))
        .collect();
    assert_eq!(steps, [[Some(0), Some(6)], [Some(4), Some(6)]], "none that did nothing");
    // A complete run without checkpoints would have to start over.
    fs::remove_dir_all(world.path("run/checkpoints")).unwrap();
    let outcome = world.run(command, "");
    assert_eq!(outcome.code, 1);
    let expected = "the run in `run` is complete, but has no checkpoint to resume from";
    assert!(outcome.messages.contains(expected), "{}", outcome.messages);
    assert!(world.path("run/outcome.json").is_file());
}

#[test]
fn early_end_is_reported_again_when_resuming() {
    let world = World::new();
    let command = "train run.toml --output run --set evaluation.every=1 \
                   --set evaluation.patience=2 --set evaluation.min_delta=1";
    let first = world.run(command, "");
    let again = world.run(&format!("{command} --resume"), "");
    let expected = "already complete: ended early after 3 of 6 steps\n";
    assert!(again.messages.contains(expected), "{}", again.messages);
    assert_eq!(again.rows, first.rows);
}

#[test]
fn sessions_are_recorded() {
    let world = World::new();
    world.rows("train run.toml --output run --device cpu", "");
    let session = sessions(&world, "run").remove(0);
    assert_eq!(session["version"], env!("CARGO_PKG_VERSION"));
    let command: Vec<&str> =
        session["command"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(command[0].ends_with("mtpt"), "{command:?}");
    assert_eq!(command[1..], ["train", "run.toml", "--output", "run", "--device", "cpu"]);
    let folder = world.path("").canonicalize().unwrap();
    assert_eq!(session["directory"], folder.to_str().unwrap());
    assert_eq!(session["model"], folder.join("model").to_str().unwrap());
    assert_eq!((&session["device"], &session["end"]), (&"flex".into(), &"complete".into()));
    for key in ["started", "ended"] {
        let time = session[key].as_str().unwrap();
        assert!(time.len() == 20 && time.starts_with("20") && time.ends_with('Z'), "{time}");
    }
    // Learning rates beyond all measure end in NaN after some steps.
    let command = "train run.toml --output failed --set training.steps=50 \
                   --set training.learning_rate=1e38";
    let outcome = world.run(command, "");
    assert_eq!(outcome.code, 1);
    let session = sessions(&world, "failed").remove(0);
    assert!(session["end"].as_str().unwrap().starts_with("failed: step "), "{session}");
    assert!(session["last_step"].as_u64().unwrap() < 50);
    // A session that is refused leaves no record.
    world.run("train run.toml --output run --resume --set seed=5", "");
    assert_eq!(sessions(&world, "run").len(), 1);
}

#[test]
fn runs_are_extended_or_the_way_to_train_longer_is_named() {
    let world = World::with_text();
    let constant = "--set training.decay=constant --set training.steps";
    world.rows(&format!("train run.toml --output whole {constant}=9"), "");
    let prompts = |run: &str| fs::read(world.path(run).join("prompts.safetensors")).unwrap();
    // The second of the two evaluations of the shorter run is no evaluation of the longer one.
    world.rows(&format!("train run.toml --output parts {constant}=5"), "");
    let outcome = world.run(&format!("train run.toml --output parts --resume {constant}=9"), "");
    assert_eq!(outcome.code, 0, "{}", outcome.messages);
    assert!(outcome.messages.contains("resuming at step 5 of 9 steps"), "{}", outcome.messages);
    assert!(prompts("parts") == prompts("whole"));
    let outcome = world.run(&format!("train run.toml --output parts --resume {constant}=7"), "");
    assert_eq!(outcome.code, 1);
    let expected = "it has done 9 steps, more than `training.steps`, 7; resume with more steps";
    assert!(outcome.messages.contains(expected), "{}", outcome.messages);

    world.rows("train run.toml --output linear", "");
    let outcome = world.run("train run.toml --output linear --resume --set training.steps=10", "");
    assert_eq!(outcome.code, 1);
    let line = outcome.messages.lines().last().unwrap();
    let (problem, command) = line.split_once("start a new run from its results: mtpt ").unwrap();
    assert!(problem.contains("`training.steps` was 6, and is now 10, but with"), "{problem}");
    assert!(problem.contains("to train 4 steps more"), "{problem}");
    world.rows(command, "");
    assert!(world.path("linear-2/prompts.safetensors").is_file(), "{command}");
    assert!(command.contains("--set prompt.start_from=linear --set training.steps=4"));

    // Pretraining is extended likewise.
    let weights = |run: &str| fs::read(world.path(run).join("model/model.safetensors")).unwrap();
    world.rows(&format!("pretrain pretrain.toml --output all {constant}=8"), "");
    world.rows(&format!("pretrain pretrain.toml --output some {constant}=4"), "");
    world.rows(&format!("pretrain pretrain.toml --output some --resume {constant}=8"), "");
    assert!(weights("some") == weights("all"));
    world.rows("pretrain pretrain.toml --output once", "");
    let longer = "pretrain pretrain.toml --output once --resume --set training.steps=7";
    let outcome = world.run(longer, "");
    let line = outcome.messages.lines().last().unwrap();
    let (_, command) = line.split_once("start a new run from its results: mtpt ").unwrap();
    world.rows(command, "");
    assert!(world.path("once-2/model/model.safetensors").is_file(), "{command}");
}

#[test]
fn stages_are_extended() {
    let world = stages::world();
    let constant = "--set training.decay=constant --set training.steps";
    world.rows(
        &format!("train mpt.toml --output whole --stage source --stage teachers {constant}=8"),
        "",
    );
    world.rows(
        &format!("train mpt.toml --output parts --stage source --stage teachers {constant}=6"),
        "",
    );
    let command = "train mpt.toml --output parts --stage source --stage teachers --resume";
    world.rows(&format!("{command} {constant}=8"), "");
    let prompts = |run: &str| fs::read(world.path(run).join("source/prompts.safetensors")).unwrap();
    assert!(prompts("parts") == prompts("whole"));
}
