//! Run folders in place of prompt files, and the model that prompts record.

use std::fs;

use crate::stages;
use crate::world::World;

const ROW: &str = "{\"text\": \"day brought sun\", \"input\": \"day\", \"target\": \"sun\"}\n";

#[test]
fn a_run_folder_stands_for_its_prompts_in_every_command() {
    let world = World::new();
    world.train();
    for command in [
        "predict --task mood --prompts",
        "score --task mood --prompts",
        "generate --task mood --max-new-tokens 3 --prompts",
        "eval --tasks run.toml --prompts",
    ] {
        let of_file = world.rows(&format!("{command} run/prompts.safetensors --model model"), ROW);
        assert!(!of_file.is_empty());
        // The model is the one that the prompts record.
        assert_eq!(world.rows(&format!("{command} run"), ROW), of_file, "{command}");
    }
    world.rows("export --format npy --prompts run --task mood --output mood.npy", "");
    world.rows("import run --task joy --task rain --output renamed.safetensors", "");
    let renamed = world.rows("predict --prompts renamed.safetensors --task joy", ROW);
    assert_eq!(renamed.len(), 1);
    world.rows("adapt run.toml --prompts run --task-parts own --output adapted", "");
    world.rows("train run.toml --set prompt.start_from=run --output started", "");
    let initializer = "prompt.initializer={kind=\"prompts\",path=\"run\",task=\"mood\"}";
    world.rows(&format!("train run.toml --set {initializer} --output initialized"), "");
    // The prompts that a run starts from are not removed by it.
    let own = "train run.toml --set prompt.start_from=run --output run --force";
    let outcome = world.run(own, "");
    assert_eq!(outcome.code, 1);
    assert!(outcome.messages.contains("which it would remove"), "{}", outcome.messages);
    assert!(world.path("run/prompts.safetensors").is_file());
}

#[test]
fn runs_without_prompts_are_explained() {
    let world = stages::world();
    world.rows("train mpt.toml --output run --stage source --stage teachers", "");
    let outcome = world.run("predict --prompts run --task mood", ROW);
    assert_eq!(outcome.code, 1);
    let expected = "`run` contains no prompts, but these paths do; pass one of them: ";
    assert!(outcome.messages.contains(expected), "{}", outcome.messages);
    assert!(outcome.messages.contains("`run/source/prompts.safetensors`"), "{}", outcome.messages);
    world.rows("predict --prompts run/source --task mood", ROW);
    // Before its first evaluation, a run has none.
    let path = world.path("run/source");
    fs::remove_file(path.join("prompts.safetensors")).unwrap();
    let outcome = world.run("predict --prompts run/source --task mood", ROW);
    let expected = "the run in `run/source` has no prompts yet: it writes them after its first";
    assert!(outcome.messages.contains(expected), "{}", outcome.messages);
}

#[test]
fn checkpoints_lead_to_their_run() {
    let world = World::new();
    world.train();
    let checkpoint = "run/checkpoints/step-00000006";
    let last = format!("{checkpoint}/last.safetensors");
    let best = format!("{checkpoint}/best.safetensors");
    let state = format!("{checkpoint}/state.json");
    let expected = "belongs to the checkpoints of the run `run`, which only continue it \
                    (`--resume`); pass the run, `run`, for its best prompts";
    for path in ["run/checkpoints", checkpoint, &last, &best, &state] {
        for command in [
            "predict --model model --task mood --prompts",
            "score --task mood --prompts",
            "export --format npy --task mood --output mood.npy --prompts",
            "import --output imported.safetensors",
            "import --format peft --output imported.safetensors",
            "adapt run.toml --output adapted --prompts",
        ] {
            if command.contains("--format peft") && path.contains('.') {
                continue;
            }
            let outcome = world.run(&format!("{command} {path}"), ROW);
            assert_eq!(outcome.code, 1, "{command} {path}");
            let expected = format!("`{path}` {expected}");
            assert!(outcome.messages.contains(&expected), "{command}: {}", outcome.messages);
        }
    }
    let (code, _, messages) = world.output(&format!("inspect {checkpoint}"));
    assert!(code == 1 && messages.contains("belongs to the checkpoints"), "{messages}");
    assert!(world.text(&format!("inspect {last}")).contains("shared"));
    #[cfg(unix)]
    for (folder, path, run) in [
        (checkpoint, ".", world.path("run").canonicalize().unwrap().display().to_string()),
        ("run", "checkpoints", ".".to_owned()),
    ] {
        let line = format!("cd {folder} && mtpt predict --task mood --prompts {path} <<< '{ROW}'");
        let (code, messages) = world.shell(&line);
        let expected = format!("`{path}` belongs to the checkpoints of the run `{run}`");
        assert!(code == 1 && messages.contains(&expected), "{messages}");
    }
    fs::remove_file(world.path("run/prompts.safetensors")).unwrap();
    let outcome = world.run(&format!("predict --prompts {checkpoint}"), ROW);
    assert!(outcome.messages.contains("the run has no prompts yet"), "{}", outcome.messages);
    // A copy of a checkpoint, and a file of other tensors.
    fs::rename(world.path(&last), world.path("last.safetensors")).unwrap();
    for (path, expected) in [
        ("last.safetensors", "header of the prompt file: it is empty, as in a checkpoint; pass"),
        ("model/model.safetensors", "is not a prompt file: its metadata has no key `mtpt`"),
    ] {
        let outcome = world.run(&format!("predict --model model --prompts {path}"), ROW);
        assert!(outcome.messages.contains(expected), "{}", outcome.messages);
    }
}

#[test]
fn import_detects_the_format() {
    let world = World::new();
    world.train();
    world.rows("export --format npy --prompts run --task mood --output mood.npy", "");
    world.rows("export --format peft --prompts run --output adapter", "");
    for source in ["mood.npy", "adapter"] {
        let with = world.rows(&format!("import {source} --output {source}.safetensors"), "");
        let format = if source == "adapter" { "peft" } else { "npy" };
        let same =
            format!("import --format {format} {source} --output {source}.safetensors --force");
        assert_eq!(world.rows(&same, ""), with, "{source}");
    }
    // So does export, by the name of the output.
    let bytes = |path: &str| fs::read(world.path(path)).unwrap();
    world.rows("export --prompts run --task mood --output again.npy", "");
    assert!(bytes("again.npy") == bytes("mood.npy"));
    world.rows("export --prompts run --output again", "");
    let [again, adapter] = ["again", "adapter"].map(|it| format!("{it}/adapter_model.safetensors"));
    assert!(bytes(&again) == bytes(&adapter));
    let outcome = world.run("import model --output model.safetensors", "");
    assert!(outcome.messages.contains("`model` contains no prompts, but a model"));
}

#[test]
fn the_recorded_model_is_found_from_other_folders() {
    let world = World::new();
    world.train();
    fs::create_dir(world.path("elsewhere")).unwrap();
    // The record of the run has the absolute path; without it, folders above the run are searched.
    let command =
        "cd elsewhere && mtpt predict --prompts ../run --task mood <<< '{\"text\": \"day\"}'";
    for removed in ["", "run/run.json"] {
        if !removed.is_empty() {
            fs::remove_file(world.path(removed)).unwrap();
        }
        #[cfg(unix)]
        {
            let (code, messages) = world.shell(command);
            assert_eq!(code, 0, "{messages}");
        }
    }
    // Prompts that lie next to the model.
    fs::copy(world.path("run/prompts.safetensors"), world.path("pt.safetensors")).unwrap();
    world.rows("export --format peft --prompts run --output adapter", "");
    fs::create_dir(world.path("group")).unwrap();
    fs::copy(world.path("pt.safetensors"), world.path("group/pt.safetensors")).unwrap();
    #[cfg(unix)]
    for prompts in ["../pt.safetensors", "../group/pt.safetensors", "../elsewhere/../adapter"] {
        let line =
            format!("cd elsewhere && mtpt score --task mood --prompts {prompts} <<< '{ROW}'");
        let (code, messages) = world.shell(&line);
        assert_eq!(code, 0, "{prompts}: {messages}");
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("prompts.safetensors");
    fs::copy(world.path("run/prompts.safetensors"), &copy).unwrap();
    fs::rename(world.path("model"), world.path("moved")).unwrap();
    let outcome = world.run(&format!("predict --task mood --prompts {}", copy.display()), ROW);
    assert_eq!(outcome.code, 1);
    let expected = "the model `model` of `";
    assert!(outcome.messages.contains(expected), "{}", outcome.messages);
    assert!(outcome.messages.contains("` is in none of `model`, `"), "{}", outcome.messages);
    assert!(outcome.messages.contains("; pass its path with `--model`"), "{}", outcome.messages);
    let moved = format!("predict --task mood --model moved --prompts {}", copy.display());
    world.rows(&moved, ROW);
    // Prompts of other programs may not record their model.
    world.rows("export --format npy --prompts run --task mood --output mood.npy", "");
    let outcome = world.run("predict --prompts mood.npy", ROW);
    let expected = "`mood.npy` does not record its model; pass the model with `--model`";
    assert!(outcome.messages.contains(expected), "{}", outcome.messages);
    // Without prompts, a model is required.
    assert_eq!(world.run("generate", ROW).code, 2);
}
