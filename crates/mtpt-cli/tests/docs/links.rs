use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::markdown::Document;
use super::{chapters, root};

/// Folders without documents of the repository.
const SKIPPED: [&str; 5] = [".git", "book", "runs", "shared", "target"];

/// Returns the paths of all Markdown files of the repository.
fn documents() -> Vec<String> {
    fn collect(folder: &str, found: &mut Vec<String>) {
        for entry in root().join(folder).read_dir().unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if entry.file_type().unwrap().is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    collect(&path, found);
                }
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect("", &mut found);
    found.sort();
    found
}

/// Returns why a link is broken.
fn problem(document: &Document, target: &str) -> Option<String> {
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    let folder = root().join(&document.path).parent().unwrap().to_owned();
    let file = if path.is_empty() { root().join(&document.path) } else { folder.join(path) };
    let Ok(file) = file.canonicalize() else { return Some("there is no such file".into()) };
    if document.path.starts_with("docs/src/") && !file.starts_with(root().join("docs/src")) {
        return Some("a chapter's link leaves the book, whose pages stand alone elsewhere".into());
    }
    let anchor = anchor?;
    let other = Document::parse(path, fs::read_to_string(&file).ok()?);
    let known = other.headings.iter().any(|heading| heading.anchor == anchor);
    (!known).then(|| format!("there is no heading `#{anchor}`"))
}

#[test]
fn no_link_is_broken() {
    let documents = documents();
    assert!(documents.iter().any(|path| path == "README.md"));
    let mut failures = Vec::new();
    for path in documents {
        let document = Document::read(&path);
        for link in &document.links {
            // External pages, and Rust items that rustdoc resolves.
            if link.target.contains("://") || link.target.contains("::") {
                continue;
            }
            if let Some(problem) = problem(&document, &link.target) {
                failures.push(format!("{path}:{}: `{}`: {problem}", link.line, link.target));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn broken_links_are_found() {
    let check = |path: &str, target: &str, expected: Option<&str>| {
        let document = Document::parse(path, String::new());
        let problem = problem(&document, target);
        assert_eq!(problem.is_some(), expected.is_some(), "{target}: {problem:?}");
        assert!(problem.unwrap_or_default().contains(expected.unwrap_or_default()), "{target}");
    };
    check("README.md", "docs/src/commands.md", None);
    check("README.md", "docs/src/commands.md#mtpt-train", None);
    check("README.md", "docs/src/command.md", Some("no such file"));
    check("README.md", "docs/src/commands.md#mtpt-trane", Some("no heading `#mtpt-trane`"));
    check("docs/src/commands.md", "../../README.md", Some("leaves the book"));
}

/// Repository paths in backticks, with their lines: whole paths, `mtpt-crate/tests/file.rs`, and
/// `tests/file.rs` after the name of its crate on the same line.
fn paths(text: &str) -> Vec<(usize, String)> {
    let is_path = |code: &&str| {
        code.chars().all(|sign| sign.is_ascii_alphanumeric() || "/._-".contains(sign))
    };
    let mut found = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let mut name = None;
        for code in line.split('`').skip(1).step_by(2).filter(is_path) {
            let folder = code.split('/').next().unwrap();
            if ["benches", "crates", "docs", "examples"].contains(&folder) && code != folder {
                found.push((number, code.to_owned()));
            } else if folder.starts_with("mtpt") && code.contains("/tests/") {
                found.push((number, format!("crates/{code}")));
            } else if ["src", "tests"].contains(&folder) && code.ends_with(".rs") {
                found.extend(name.map(|name| (number, format!("crates/{name}/{code}"))));
            } else if code.starts_with("mtpt") {
                name = Some(code);
            }
        }
    }
    found
}

#[test]
fn every_path_exists() {
    let mut failures = Vec::new();
    for path in documents().iter().filter(|path| *path != "CHANGELOG.md") {
        for (line, target) in paths(&Document::read(path).text) {
            if !root().join(&target).exists() {
                failures.push(format!("{path}:{line}: there is no `{target}`"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn paths_are_found_in_texts() {
    let text = "see `crates/a/b.rs`\n| `mtpt-x`, `tests/y.rs` | `mtpt-z/tests/w.rs` | `docs` |";
    let found = ["crates/a/b.rs", "crates/mtpt-x/tests/y.rs", "crates/mtpt-z/tests/w.rs"];
    let lines = [1, 2, 2];
    let expected: Vec<_> = lines.into_iter().zip(found.map(str::to_owned)).collect();
    assert_eq!(paths(text), expected);
}

#[test]
fn summary_lists_every_chapter_once() {
    let summary = Document::read("docs/src/SUMMARY.md");
    let listed: Vec<String> =
        summary.links.iter().map(|link| format!("docs/src/{}", link.target)).collect();
    let once: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(once.len(), listed.len(), "a chapter is listed twice");
    let chapters = chapters();
    let there = chapters.iter().filter(|path| {
        path.starts_with("docs/src/") && Path::new(path).file_name() != Some("SUMMARY.md".as_ref())
    });
    assert_eq!(once, there.collect());
}
