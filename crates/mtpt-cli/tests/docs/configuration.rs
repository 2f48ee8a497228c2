//! Compares the configuration reference with the types that read configuration files: an unknown
//! key or value is an error that lists the known ones.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::markdown::Document;

const CHAPTER: &str = "docs/src/configuration.md";

/// An unknown key, which replaces `?` in the configurations below.
const UNKNOWN: &str = "unknown_key = 1";

/// Section and first header cell of each table of keys, the command that reads it, and a
/// configuration with `?` instead of a key. The model comes first and is never loaded.
const TABLES: [(&str, &str, &str, &str); 18] = [
    ("run", "key", "train", "?"),
    ("prompt", "key", "train", "prompt = { ? }"),
    ("training", "key", "train", "training = { ? }"),
    ("mixture", "key", "train", "mixture = { ? }"),
    ("mixture", "key of `stochastic`", "train", "mixture = { stochastic = { ? } }"),
    ("evaluation", "key", "train", "evaluation = { ? }"),
    ("teachers", "key", "train", "teachers = { ? }"),
    ("distillation", "key", "train", "distillation = { ? }"),
    ("adaptation", "key", "train", "adaptation = { ? }"),
    ("adaptation", "key of `few_shot`", "train", "adaptation = { few_shot = { ? } }"),
    ("tasks", "key", "train", "[[tasks]]\n?"),
    ("encoding-and-dialect", "key of `dialect`", "train", "[[tasks]]\ndialect = { ? }"),
    ("datasets-on-the-hub", "key of `hub`", "train", "[[tasks]]\nhub = { ? }"),
    ("labels", "key of `regression`", "train", "[[tasks]]\nlabels = { regression = { ? } }"),
    ("limit-and-few_shot", "key of `limit`", "train", "[[tasks]]\nlimit = { ? }"),
    ("limit-and-few_shot", "key of `few_shot`", "train", "[[tasks]]\nfew_shot = { ? }"),
    ("pretraining", "key", "pretrain", "?"),
    ("corpora", "key", "pretrain", "[[corpora]]\n?"),
];

/// Section and first header cell of each table of values, and a configuration with an unknown one.
const VALUES: [(&str, &str, &str); 4] = [
    ("formats", "`format`", "[[tasks]]\nformat = \"?\""),
    ("metrics", "metric", "[[tasks]]\nmetrics = [\"?\"]"),
    ("learning-rate-schedule", "`decay`", "training = { decay = \"?\" }"),
    ("initializers", "`kind`", "prompt = { initializer = { kind = \"?\" } }"),
];

/// The names that a command lists when it reads a configuration with an unknown one.
fn known(command: &str, config: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("model = \"m\"\n{}\n", config.replace('?', UNKNOWN));
    fs::write(folder.path().join("run.toml"), &text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mtpt"))
        .args([command, "run.toml"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("unknown field") || message.contains("unknown variant"), "{message}");
    match message.split_once(", expected ") {
        Some((_, names)) => in_backticks(names.split(';').next().unwrap()).collect(),
        None => BTreeSet::new(),
    }
}

fn in_backticks(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// Rows of the tables of a section that have this first header cell.
fn rows(chapter: &Document, section: &str, head: &str) -> Vec<Vec<String>> {
    let text = chapter.section(section).unwrap_or_else(|| panic!("no `#{section}`"));
    let text = text.split("\n#").next().unwrap();
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let (mut rows, mut matching, mut previous_was_row) = (Vec::new(), false, false);
    for line in text.lines() {
        let is_row = line.starts_with('|');
        if is_row && !previous_was_row {
            matching = cells(line)[0] == head;
        } else if is_row && matching && !line.starts_with("|---") {
            rows.push(cells(line));
        }
        previous_was_row = is_row;
    }
    assert!(!rows.is_empty(), "no table `{head}` in `#{section}`");
    rows
}

/// The names in a column of such rows: the first word of each `code`.
fn names(rows: &[Vec<String>], column: usize) -> BTreeSet<String> {
    let name = |code: String| {
        let word = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
        let start = code.trim_start_matches(|sign| !word(sign));
        start[..start.find(|sign| !word(sign)).unwrap_or(start.len())].to_owned()
    };
    rows.iter().flat_map(|row| in_backticks(&row[column])).map(name).collect()
}

#[test]
fn the_reference_has_exactly_the_keys_of_the_types() {
    let chapter = Document::read(CHAPTER);
    for (section, head, command, config) in TABLES {
        let found = names(&rows(&chapter, section, head), 0);
        assert_eq!(found, known(command, config), "`{head}` in `#{section}`");
    }
}

#[test]
fn the_reference_has_exactly_the_values_of_the_types() {
    let chapter = Document::read(CHAPTER);
    for (section, head, config) in VALUES {
        let found = names(&rows(&chapter, section, head), 0);
        let known = known("train", &config.replace('?', "unknown_value"));
        assert_eq!(found, known, "`{head}` in `#{section}`");
    }
}

#[test]
fn the_reference_has_exactly_the_options_of_optimizers() {
    let chapter = Document::read(CHAPTER);
    let found = |section| names(&rows(&chapter, section, "key"), 0);
    let both: BTreeSet<String> = &found("adamw") | &found("adafactor");
    assert_eq!(both, known("train", "training = { optimizer = { ? } }"));
}

#[test]
fn the_reference_has_exactly_the_options_of_initializers_and_strategies() {
    let chapter = Document::read(CHAPTER);
    let kinds = known("train", "prompt = { initializer = { kind = \"unknown_value\" } }");
    let strategies = known("train", "composition = { strategy = \"unknown_value\" }");
    let table = |section, head, values: &BTreeSet<String>, config: &str| {
        let rows = rows(&chapter, section, head);
        for value in values {
            let of_value = |row: &&Vec<String>| row[0] == format!("`{value}`");
            let rows: Vec<Vec<String>> = rows.iter().filter(of_value).cloned().collect();
            let config = config.replace("VALUE", value);
            assert_eq!(names(&rows, 1), known("train", &config), "`{value}` in `#{section}`");
        }
    };
    let initializer = "prompt = { initializer = { kind = \"VALUE\", ? } }";
    table("initializers", "`kind`", &kinds, initializer);
    table("composition", "`strategy`", &strategies, "composition = { strategy = \"VALUE\", ? }");

    let overview = Document::read("docs/src/strategies.md");
    assert_eq!(names(&rows(&overview, "strategies", "`strategy`"), 0), strategies);
}

#[test]
fn the_reference_names_the_keys_of_pretraining_that_differ() {
    let chapter = Document::read(CHAPTER);
    let keys = |section| names(&rows(&chapter, section, "key"), 0);
    let training = known("pretrain", "training = { ? }");
    let for_tasks = |key: &&String| key.starts_with("task_");
    let shared = keys("training").iter().filter(|key| !for_tasks(key)).cloned().collect();
    assert_eq!(training, shared);
    assert!(keys("training-for-pretraining").is_subset(&training));
    assert_eq!(keys("evaluation-for-pretraining"), known("pretrain", "evaluation = { ? }"));
}
