use std::fs;
use std::process::Stdio;

use crate::program::{program, run};

/// Runs an example that must exit with a code and a message with all parts.
#[track_caller]
fn check(example: &str, arguments: &str, code: i32, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "text").unwrap();
    fs::create_dir_all(folder.path().join("empty/glue")).unwrap();
    let Some(outcome) = run(example, arguments, folder.path(), "") else { return };
    assert_eq!(outcome.code, Some(code), "{example} {arguments}: {}", outcome.messages);
    assert!(outcome.messages.starts_with("error: "), "{}", outcome.messages);
    for part in parts {
        assert!(outcome.messages.contains(part), "`{part}` is not in: {}", outcome.messages);
    }
    if code == 1 {
        assert_eq!(outcome.messages.lines().count(), 1, "{}", outcome.messages);
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    check("multitask", "--steps 0", 2, &["--steps"]);
    check("multitask", "--strategy sum", 2, &["sum", "low_rank", "separate"]);
    check("multitask", "--sneed 3", 2, &["--sneed", "--seed"]);
    check("compare_strategies", "--batch-size none", 2, &["none"]);
    check("predict", "text", 2, &["text"]);
}

#[test]
fn missing_files_are_named() {
    for example in ["multitask", "predict", "compare_strategies"] {
        check(example, "--model no/such/folder", 1, &["`no/such/folder`"]);
        check(example, "--model empty", 1, &["config.json"]);
        check(example, "--model file", 1, &["`file` is a file", "`config.json`"]);
        check(example, "--device gpu", 1, &["unknown device `gpu`", "`flex`"]);
    }
    check("multitask", "--data nowhere", 1, &["no folder `nowhere`", "`glue/`"]);
    check("results", "--data nowhere", 1, &["no folder `nowhere`", "`glue/`"]);
    check("data_sizes", "--data nowhere", 1, &["cannot read `nowhere`", "`glue/`"]);
    check("multitask", "--data empty", 1, &["no file `empty/glue/CoLA/train.tsv`", "README.md"]);
    check("multitask", "--learning-rate=-1", 1, &["learning_rate", "positive", "-1"]);
    check("predict", "--prompts nowhere", 1, &["cannot read `nowhere`"]);
    check("predict", "--prompts file", 1, &["`file`"]);
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    let Some(program) = program("multitask") else { return };
    let mut child = std::process::Command::new(program)
        .args(["--steps", "1", "--batch-size", "1", "--test-rows", "12"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let outcome = child.wait_with_output().unwrap();
    let messages = String::from_utf8(outcome.stderr).unwrap();
    assert!(outcome.status.success(), "{messages}");
    assert!(!messages.contains("panicked") && !messages.contains("error"), "{messages}");
}
