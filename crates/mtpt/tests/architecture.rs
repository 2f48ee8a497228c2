//! Tests of the structure of the workspace, which `docs/src/architecture.md` describes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod imports;

use std::fs;
use std::path::{Path, PathBuf};

use imports::ImportGraph;

/// Each library and the crates of this workspace that it may depend on.
const LAYERS: &[(&str, &[&str])] = &[
    ("mtpt-core", &[]),
    ("mtpt-io", &[]),
    ("mtpt-tasks", &["mtpt-io"]),
    ("mtpt-compose", &["mtpt-core"]),
    ("mtpt-t5", &["mtpt-core", "mtpt-io"]),
    ("mtpt-infer", &["mtpt-compose", "mtpt-core", "mtpt-io", "mtpt-tasks"]),
    ("mtpt-train", &["mtpt-compose", "mtpt-core", "mtpt-infer", "mtpt-io", "mtpt-tasks"]),
    (
        "mtpt",
        &[
            "mtpt-compose",
            "mtpt-core",
            "mtpt-infer",
            "mtpt-io",
            "mtpt-t5",
            "mtpt-tasks",
            "mtpt-train",
        ],
    ),
    ("mtpt-cli", &["mtpt"]),
    ("mtpt-fuzz", &["mtpt", "mtpt-cli"]),
];

/// Programs, which print.
const PROGRAMS: [&str; 2] = ["mtpt-cli", "mtpt-fuzz"];

/// Files that may import each other: the crate, all files of the cycle, and the reason.
const ALLOWED_CYCLES: &[(&str, &[&str], &str)] = &[];

/// Source files that may be longer than [`MAX_LINES`], and the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Maximum number of lines of a source file.
const MAX_LINES: usize = 400;

/// Features of burn that name a backend.
const BACKENDS: [&str; 9] =
    ["cpu", "cuda", "flex", "metal", "ndarray", "rocm", "tch", "vulkan", "wgpu"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manifest(name: &str) -> String {
    fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap()
}

/// The lines of a table of a manifest.
fn table<'a>(manifest: &'a str, header: &'a str) -> impl Iterator<Item = &'a str> {
    manifest
        .lines()
        .skip_while(move |line| line.trim() != header)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

fn key(line: &str) -> &str {
    line.split(['.', '=', ' ']).next().unwrap_or_default()
}

#[test]
fn crates_depend_only_on_lower_layers() {
    for (name, allowed) in LAYERS {
        let manifest = manifest(name);
        for dependency in table(&manifest, "[dependencies]").map(key) {
            if dependency.starts_with("mtpt") {
                assert!(allowed.contains(&dependency), "{name} must not depend on {dependency}");
            }
        }
    }
}

#[test]
fn files_of_a_crate_do_not_import_each_other_in_cycles() {
    let mut unexpected = Vec::new();
    for (name, _) in LAYERS {
        let graph = ImportGraph::read(&root().join("crates").join(name).join("src"));
        for cycle in graph.cycles() {
            let allowed =
                ALLOWED_CYCLES.iter().any(|(krate, files, _)| krate == name && cycle == *files);
            if !allowed {
                unexpected.push(format!("{name}: {}", cycle.join(", ")));
            }
        }
    }
    assert!(unexpected.is_empty(), "import cycles:\n{}", unexpected.join("\n"));
}

#[test]
fn source_files_are_short() {
    let mut long = Vec::new();
    for (name, _) in LAYERS {
        let src = root().join("crates").join(name).join("src");
        for file in sources(&src) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            let path = file.strip_prefix(root().join("crates")).unwrap().to_str().unwrap();
            if lines > MAX_LINES && !LONG_FILES.iter().any(|(allowed, _)| *allowed == path) {
                long.push(format!("{path}: {lines} lines"));
            }
        }
    }
    assert!(long.is_empty(), "longer than {MAX_LINES} lines:\n{}", long.join("\n"));
}

#[test]
fn every_crate_has_its_layer() {
    let folders = fs::read_dir(root().join("crates")).unwrap();
    let mut found: Vec<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut known: Vec<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    found.sort_unstable();
    known.sort_unstable();
    assert_eq!(found, known);
}

#[test]
fn tasks_know_no_tensors() {
    let manifest = manifest("mtpt-tasks");
    for header in ["[dependencies]", "[dev-dependencies]"] {
        assert!(table(&manifest, header).all(|line| !key(line).starts_with("burn")));
        let mut io = table(&manifest, header).filter(|line| key(line) == "mtpt-io");
        assert!(io.all(|line| !line.contains("features")), "its default features need burn");
    }
}

#[test]
fn libraries_name_no_backend() {
    let libraries = LAYERS.iter().filter(|(name, _)| *name != "mtpt" && !PROGRAMS.contains(name));
    for (name, _) in libraries {
        let manifest = manifest(name);
        let burn = table(&manifest, "[dependencies]").filter(|line| key(line) == "burn");
        // Only `mtpt-core` may know which device is the CPU, because the libraries distribute work
        // over its threads.
        let features = table(&manifest, "[features]")
            .filter(|line| !(*name == "mtpt-core" && *line == "flex = [\"burn/flex\"]"));
        for line in burn.chain(features) {
            for backend in BACKENDS {
                let named = line.contains(&format!("\"{backend}\""))
                    || line.contains(&format!("burn/{backend}"));
                assert!(!named, "{name} names the backend `{backend}`: {line}");
            }
        }
    }
}

#[test]
fn only_programs_print() {
    for (name, _) in LAYERS.iter().filter(|(name, _)| !PROGRAMS.contains(name)) {
        for file in sources(&root().join("crates").join(name).join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let prints = ["println!(", "print!(", "eprintln!(", "eprint!("]
                    .iter()
                    .any(|call| line.contains(call));
                assert!(!prints, "{}: {line}", file.display());
            }
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_crate_follows_the_lints_and_has_a_readme() {
    for (name, _) in LAYERS {
        let manifest = manifest(name);
        assert_eq!(table(&manifest, "[lints]").next(), Some("workspace = true"), "{name}");
        assert!(root().join("crates").join(name).join("README.md").exists(), "{name}");
    }
}

#[test]
fn every_example_of_the_readme_exists() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let manifest = fs::read_to_string(root().join("examples/Cargo.toml")).unwrap();
    let mut names = readme.split("--example ").skip(1).peekable();
    assert!(names.peek().is_some(), "the README shows how to run an example");
    for text in names {
        let end =
            text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let name = &text[..end.unwrap_or(text.len())];
        assert!(manifest.contains(&format!("name = \"{name}\"")), "no example `{name}`");
    }
}
