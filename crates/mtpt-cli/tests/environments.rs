//! Rare environments: clocks that jump, missing and read-only folders, special files, closed
//! streams, and names that are no UTF-8.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use crate::faults::shim::{Fault, library, run};
use crate::world::{World, check_contains};

/// Maximum duration of a command that must not wait for anything, as an argument of `timeout`.
const PATIENCE: &str = "60";

fn trained() -> World {
    let world = World::with_text();
    world.train();
    world.write("rows.jsonl", &"{\"text\": \"day brought sun\"}\n".repeat(400));
    world
}

const PREDICT: &str = "mtpt predict --model model --prompts run --task mood --input rows.jsonl";

/// Checks that a bash line fails with one error line that contains all parts.
#[track_caller]
fn check_refused(world: &World, line: &str, parts: &[&str]) {
    let line = line.replace("mtpt ", &format!("timeout {PATIENCE} mtpt "));
    let (code, messages) = world.shell(&line);
    assert!(code == 1, "{line}: {code} {messages}");
    let error = messages.lines().last().unwrap_or_default();
    assert!(error.starts_with("error: ") && !messages.contains("panicked"), "{line}: {messages}");
    check_contains(error, parts);
}

/// Checks that a bash line succeeds.
#[track_caller]
fn check_succeeds(world: &World, line: &str) {
    let line = line.replace("mtpt ", &format!("timeout {PATIENCE} mtpt "));
    let (code, messages) = world.shell(&line);
    assert_eq!(code, 0, "{line}: {messages}");
}

#[test]
fn special_files_are_refused_in_place_of_files() {
    let world = trained();
    let (code, messages) = world.shell("mkfifo pipe; mkdir folder");
    assert_eq!(code, 0, "{messages}");
    let pipe = ["`pipe`", "expected a regular file, found a named pipe"];
    let device = ["`/dev/zero`", "expected a regular file, found a device"];
    for command in [
        "train FILE",
        "eval --tasks FILE --prompts run",
        "inspect FILE",
        "init FILE --model model",
        "pretrain FILE",
        "import FILE --output new.safetensors",
        "predict --model model --prompts FILE --input rows.jsonl",
        "export --prompts FILE --output new",
    ] {
        let command = format!("mtpt {command}");
        check_refused(&world, &command.replace("FILE", "pipe"), &pipe);
        check_refused(&world, &command.replace("FILE", "/dev/zero"), &device);
        check_refused(&world, &command.replace("FILE", "folder"), &["`folder`"]);
    }
    // Files in folders, which archives may contain.
    for (name, command) in [
        ("model/config.json", "score --model model"),
        ("model/model.safetensors", "score --model model"),
        ("model/tokenizer.json", "score --model model"),
        ("run/config.toml", "inspect run"),
        ("run/metrics.jsonl", "report run"),
        ("run/prompts.safetensors", "inspect run/prompts.safetensors"),
        ("run/checkpoints/step-00000006/state.json", "train run.toml --output run --resume"),
        ("mood.jsonl", "train run.toml --output new"),
        ("wet.tsv", "train run.toml --output new"),
    ] {
        let line = format!(
            "mv {name} kept && mkfifo {name}; echo '{{\"input\": \"sun\", \"target\": \"rain\"}}' | \
             timeout {PATIENCE} mtpt {command}; code=$?; mv kept {name}; exit $code"
        );
        let (code, messages) = world.shell(&line);
        assert!(code <= 1 && !messages.contains("panicked"), "{name}: {code} {messages}");
        // What is optional counts as missing, and a checkpoint with a pipe as damaged.
        assert!(code == 0 || messages.contains("error: "), "{name}: {messages}");
    }
    // Rows may come from a device or a pipe.
    check_succeeds(&world, &PREDICT.replace("rows.jsonl", "/dev/null"));
    check_succeeds(
        &world,
        &format!("cat rows.jsonl > pipe & {}", PREDICT.replace("rows.jsonl", "pipe")),
    );
    check_refused(&world, &PREDICT.replace("rows.jsonl", "/dev/zero"), &["/dev/zero"]);
    check_refused(&world, &PREDICT.replace("rows.jsonl", "folder"), &["folder"]);
    // A pipe of the shell has a writer, and is read to its end.
    check_succeeds(
        &world,
        "sed \"s:^model.*:model = '$PWD/model':; s:\\\"\\([a-z]*\\.[jt]s\\):\\\"$PWD/\\1:\" run.toml > absolute.toml; \
                            mtpt train <(cat absolute.toml) --output piped",
    );
    check_refused(
        &world,
        "mtpt train <(yes) --output piped",
        &["expected at most 64 MiB from a pipe"],
    );
}

#[test]
fn symbolic_links_may_form_cycles() {
    let world = trained();
    symlink("loop", world.path("loop")).unwrap();
    check_refused(&world, "mtpt train loop", &["`loop`", "symbolic link"]);
    check_refused(&world, "mtpt score --model loop", &["`loop`"]);
    check_refused(&world, &PREDICT.replace("--prompts run", "--prompts loop"), &["`loop`"]);
    check_refused(&world, "mtpt init loop --model model", &["`loop`"]);
    for folder in ["run", "model", "run/checkpoints"] {
        symlink(world.path(""), world.path(folder).join("above")).unwrap();
        symlink(".", world.path(folder).join("self")).unwrap();
    }
    for line in [
        "mtpt inspect .",
        "mtpt inspect run",
        "mtpt report run",
        "mtpt report . --output all.html",
        "mtpt train run.toml --output run --resume",
        "mtpt train run.toml --output run --force",
        PREDICT,
    ] {
        check_succeeds(&world, line);
    }
    check_refused(&world, &PREDICT.replace("--prompts run", "--prompts model"), &["`model`"]);
    check_refused(&world, "mtpt score --model .", &["`.`"]);
    // An output that is a link is replaced, not what it leads to.
    symlink("mood.jsonl", world.path("answers.jsonl")).unwrap();
    let before = fs::read(world.path("mood.jsonl")).unwrap();
    check_succeeds(&world, &format!("{PREDICT} --output answers.jsonl --force"));
    assert!(fs::read(world.path("mood.jsonl")).unwrap() == before);
}

#[test]
fn names_may_be_other_than_utf_8() {
    let world = trained();
    let name = "$'\\xff\\xfe'";
    for line in [
        "cp -r model NAME.model; cp rows.jsonl NAME.jsonl; cp run.toml NAME.toml; \
         cp mood.jsonl NAME.moods.jsonl",
        "mtpt train NAME.toml --output NAME.run",
        "mtpt train NAME.toml --output NAME.run --resume --set training.steps=7 \
         --set training.decay=\\\"constant\\\" --set seed=1 || true",
        "mtpt inspect NAME.run",
        "mtpt inspect NAME.model",
        "mtpt inspect NAME.jsonl",
        "mtpt inspect .",
        "mtpt report NAME.run",
        "mtpt report . --output NAME.html",
        "mtpt predict --model NAME.model --prompts NAME.run --task mood --input NAME.jsonl \
         --output NAME.out.jsonl",
        "mtpt export --prompts NAME.run --task mood --output NAME.adapter",
        "mtpt import NAME.adapter --output NAME.safetensors",
        "mtpt eval --tasks NAME.toml --prompts NAME.run",
    ] {
        check_succeeds(&world, &line.replace("NAME", name));
    }
    let (code, messages) =
        world.shell(&"mtpt NAME; mtpt train run.toml --set NAME=1".replace("NAME", name));
    assert!(code == 2 && !messages.contains("panicked"), "{code} {messages}");
}

/// Commands that print rows, text or messages.
const PRINTING: [&str; 10] = [
    "mtpt",
    "mtpt --help",
    "mtpt train --help",
    "mtpt train run.toml --output new --force",
    "mtpt eval --tasks run.toml --prompts run",
    PREDICT,
    "mtpt inspect run",
    "mtpt inspect --json run",
    "mtpt report run",
    "mtpt completions bash",
];

#[test]
fn streams_may_be_closed_at_any_point() {
    let world = trained();
    for command in PRINTING {
        for end in ["head -c 1", "head -1", "true"] {
            let (code, messages) = world.shell(&format!("{command} | {end}"));
            assert!(code == 0 && !messages.contains("panicked"), "{command} | {end}: {messages}");
        }
        // Nobody reads the messages.
        for end in ["2>&1 | head -c 1", "2>&1 | true", "2>&-", "2> /dev/full", "<&- 2> /dev/null"] {
            let (code, messages) = world.shell(&format!("{command} {end} > /dev/null"));
            assert!(code == 0, "{command} {end}: {code} {messages}");
            let (code, messages) = world.shell(&format!("{command} {end}"));
            assert!(code == 0 && !messages.contains("panicked"), "{command} {end}: {messages}");
        }
        let (code, messages) = world.shell(&format!("{command} > /dev/full"));
        if code == 0 {
            // Help is for a person, who sees that there is none.
            assert!(command == "mtpt" || command.ends_with("--help"), "{command}: {messages}");
        } else {
            let line = messages.lines().last().unwrap();
            check_contains(line, &["error: cannot write to standard output", "No space left"]);
        }
        let (code, messages) = world.shell(&format!("{command} >&- <&-"));
        assert!(code == 0 && !messages.contains("panicked"), "{command} >&-: {code} {messages}");
    }
    // A failure keeps its exit code.
    for end in ["2>&-", "2> /dev/full", "2>&1 | true"] {
        assert_eq!(world.shell(&format!("mtpt train missing.toml {end}")).0, 1, "{end}");
    }
}

#[test]
fn clocks_may_jump() {
    let Some(library) = library() else { return };
    let world = World::with_text();
    world.rows("train run.toml --output run", "");
    let prompts = fs::read(world.path("run/prompts.safetensors")).unwrap();
    for jump in ["3600", "100000000", "-100000000", "9000000000"] {
        for command in [
            "train run.toml --output jumped --force",
            "train run.toml --output jumped --resume --set training.steps=6",
            "pretrain pretrain.toml --output pretrained --force",
            "report jumped --output jumped.html",
            "inspect jumped",
            "eval --tasks run.toml --prompts jumped",
        ] {
            let output = world
                .command(command)
                .env("LD_PRELOAD", library)
                .env("FAULT_CLOCK", jump)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .output()
                .unwrap();
            let messages = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{jump}: {command}: {messages}");
        }
        assert!(fs::read(world.path("jumped/prompts.safetensors")).unwrap() == prompts, "{jump}");
    }
}

#[test]
fn the_model_folder_is_only_read() {
    let Some(library) = library() else { return };
    let world = trained();
    for command in [
        "train run.toml --output new --force",
        "pretrain pretrain.toml --output pretrained --force",
        "predict --model model --prompts run --task mood --input rows.jsonl",
        "inspect model",
    ] {
        for calls in ["write", "rename", "remove", "create", "change", "sync"] {
            let fault = Fault { calls, kind: "EIO", at: 0, count: 1, every: 1 };
            let struck = run(&world, library, command, ("model", fault));
            assert!(struck.output.status.success(), "{command}: {}", struck.messages());
            assert_eq!(struck.calls, 0, "{command}: {calls}");
        }
    }
}

#[test]
fn variables_and_temporary_folders_may_be_missing() {
    let world = trained();
    for line in [
        "env -i \"$(command -v mtpt)\" train run.toml --output plain",
        "HOME= TMPDIR=/nowhere mtpt train run.toml --output homeless",
        "unset HOME XDG_CACHE_HOME TMPDIR; mtpt eval --tasks run.toml --prompts run",
        "unset HOME; TMPDIR=/dev/null mtpt report run",
        "cd run && HOME=/nowhere mtpt inspect .",
    ] {
        check_succeeds(&world, line);
    }
    // A folder that is removed while a command is in it.
    let (code, messages) =
        world.shell("mkdir gone && cd gone && rmdir ../gone && mtpt inspect ../run");
    assert!(code <= 1 && !messages.contains("panicked"), "{messages}");
}

#[test]
fn a_folder_is_used_by_one_process() {
    let world = World::new();
    let long = "train run.toml --output run --set training.steps=100000 --set evaluation.every=0";
    let mut first = world.spawn(long, Stdio::null());
    let log = world.path("run/metrics.jsonl");
    while !fs::read(&log).is_ok_and(|bytes| !bytes.is_empty()) {
        assert!(first.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    for options in ["--resume", "--force"] {
        let line = format!("mtpt train run.toml --output run {options}");
        check_refused(&world, &line, &["`run` is in use by another run"]);
    }
    // Its lock ends with it, however it ends.
    first.kill().unwrap();
    first.wait().unwrap();
    check_succeeds(&world, "mtpt train run.toml --output run --force");
}
