use std::fs;
use std::path::{Path, PathBuf};

use crate::world::{World, copy_folder};

/// Seconds of computing time of a command. Debug builds on busy machines need twice the two seconds
/// that are the limit of a file.
const SECONDS: u64 = 4;
/// Addresses that the program needs without a file, in KiB.
const PROGRAM: u64 = 192 << 10;
/// Addresses that a file may need, in KiB, in addition to 50 times its size.
const FILE: u64 = 64 << 10;

/// Returns folders of inputs that once broke a fuzz target.
fn stored(target: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-fuzz/regressions");
    let entries = fs::read_dir(root.join(target)).unwrap();
    let mut inputs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    inputs
}

/// Returns the size of all files of a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            metadata if metadata.is_dir() => size(&entry.path()),
            metadata => metadata.len(),
        })
        .sum()
}

/// Runs a bash line under limits for a file of a size, and returns a description of a failure: an
/// end by a signal, a panic, or anything but an answer or one error line.
fn failure(world: &World, line: &str, size: u64) -> Option<String> {
    let addresses = PROGRAM + FILE + 50 * size / 1024;
    let limits = format!("ulimit -t {SECONDS} -v {addresses}; export RAYON_NUM_THREADS=2");
    // Without a further command, the shell would be replaced by the last one and end by its signal.
    let (code, messages) = world.shell(&format!("{limits}; {line}; exit $?"));
    let errors = messages.lines().filter(|line| line.starts_with("error: ")).count();
    // A shell reports a signal of a command as 128 and the number of the signal.
    let is_expected = if code == 0 { errors == 0 } else { code < 128 && errors == 1 };
    let is_fine = is_expected && !messages.contains("panicked");
    (!is_fine).then(|| format!("{line}: {code}: {messages}"))
}

/// Runs lines for each input of a target. Its files are in `input`, next to the folder `model` with
/// a small model.
#[track_caller]
fn check(target: &str, lines: &[&str]) {
    let mut failures = Vec::new();
    for input in stored(target) {
        let world = World::new();
        copy_folder(&input, &world.path("input"));
        let name = input.file_name().unwrap().display();
        let found = lines.iter().filter_map(|line| failure(&world, line, size(&input)));
        failures.extend(found.map(|failure| format!("{target}/{name}: {failure}")));
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn prompt_files() {
    let export = "mtpt export --format npy --prompts input/prompts.safetensors --output out";
    check("prompts", &["mtpt inspect input/prompts.safetensors", export]);
}

#[test]
fn run_folders() {
    check("run_folder", &["mtpt inspect input", "mtpt report input --output report.html"]);
}

#[test]
fn arrays() {
    check("npy", &["mtpt inspect input/x.npy"]);
    check("arrays", &["mtpt import --format npy input --strategy add --output out.safetensors"]);
}

#[test]
fn pytorch_files() {
    check("pytorch", &["mtpt inspect input/model.bin"]);
}

#[test]
fn models() {
    let generate = "echo '{\"input_ids\": [3, 5, 0]}' | mtpt generate --model input";
    check("t5_folder", &["mtpt inspect input", generate]);
}

#[cfg(feature = "t5x")]
#[test]
fn t5x_checkpoints() {
    check("t5x_model", &["mtpt inspect input"]);
    check("t5x_arrays", &["mtpt import --format t5x input --output out.safetensors"]);
}

#[test]
fn tokenizers_with_texts() {
    // Accents, compatibility characters, spaces and special tokens reach different rules.
    let row = r#"{"input": " day  ß ﬁ ½ a</s><extra_id_0>"}"#;
    let generate = format!(
        "rm model/tokenizer.json; cp input/* model; echo '{row}' | \
         mtpt generate --model model --max-new-tokens 2"
    );
    check("tokenizer_json", &[&generate]);
    check("sentence_piece", &[&generate]);
}

#[test]
fn tables() {
    check("table", &["mtpt inspect input/rows.*", "mtpt init input/rows.* --model model"]);
    let generate = "mtpt generate --model model --input input/rows.jsonl";
    let target = "sed 's/^{/{\"target\": \"day\", /' input/rows.jsonl";
    check("stdin_rows", &[generate, &format!("{target} | mtpt score --model model")]);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_files() {
    let config = "model = \"model\"\n[[tasks]]\nname = \"t\"\nformat = \"parquet\"\n\
                  train = \"input/rows.parquet\"\ntemplate = \"{text}\"\nlabels = [\"a\", \"b\"]\n";
    let train = format!("printf '%s' '{config}' > run.toml; mtpt train run.toml");
    check(
        "parquet",
        &[
            "mtpt inspect input/rows.parquet",
            "mtpt init input/rows.parquet --model model",
            "mtpt generate --model model --input input/rows.parquet",
            "mtpt score --model model --input input/rows.parquet",
            &train,
        ],
    );
}

#[test]
fn settings() {
    let train = "mapfile -t lines < input/settings.txt; \
                 mtpt train input/run.toml \"${lines[@]/#/--set=}\"";
    check("settings", &[train]);
}
