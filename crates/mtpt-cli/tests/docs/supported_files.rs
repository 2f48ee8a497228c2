//! The tables of supported files name a test for each row.

use std::fs;
use std::path::{Path, PathBuf};

use super::markdown::Document;
use super::root;

/// Returns the cells of each row of every table, without the header and the separator.
fn table_rows(text: &str) -> Vec<Vec<&str>> {
    let mut rows = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_header = lines.peek().is_some_and(|next| next.starts_with("|---"));
        if !line.starts_with('|') || line.starts_with("|---") || is_header {
            continue;
        }
        rows.push(line.trim_matches('|').split('|').map(str::trim).collect());
    }
    rows
}

/// Returns all Rust files of a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let files = paths.flat_map(|path| {
        if path.is_dir() {
            rust_files(&path)
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            vec![path]
        } else {
            Vec::new()
        }
    });
    files.collect()
}

/// Returns whether a crate has a test of a file: `crate::file::test`.
fn exists(test: &str) -> bool {
    let [name, file, function] = test.split("::").collect::<Vec<_>>()[..] else { return false };
    let folder = root().join("crates").join(name);
    let mut files = rust_files(&folder.join("tests"));
    files.extend(rust_files(&folder.join("src")));
    let declaration = format!("fn {function}(");
    let named = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == file);
    files.into_iter().filter(named).any(|path| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().any(|line| line.trim_start().starts_with(&declaration))
    })
}

#[test]
fn every_row_names_a_test() {
    let document = Document::read("docs/src/formats.md");
    for row in table_rows(&document.text) {
        let tests = row.last().unwrap();
        assert!(!tests.is_empty(), "the row of {} names no test", row[0]);
        for test in tests.split(',') {
            let test = test.trim().trim_matches('`');
            assert!(exists(test), "the row of {} names `{test}`, which does not exist", row[0]);
        }
    }
}

#[test]
fn a_missing_test_is_noticed() {
    assert!(exists("mtpt-cli::supported_files::a_missing_test_is_noticed"));
    assert!(!exists("mtpt-cli::supported_files::no_such_test"));
    assert!(!exists("mtpt-cli::no_such_file::a_missing_test_is_noticed"));
    assert!(!exists("a_missing_test_is_noticed"));
    let rows = table_rows("| a | b |\n|---|---|\n| one | `x::y::z` |\ntext\n");
    assert_eq!(rows, [["one", "`x::y::z`"]]);
}
