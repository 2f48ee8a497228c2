//! Checks the wording rules of `CONTRIBUTING.md` in every text file of the repository.
//!
//! The glossary is the only list: each phrase in backticks in the last column of its table is
//! rejected, and the first column is the replacement.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Directories without prose of the repository's own.
const SKIPPED_DIRECTORIES: [&str; 9] =
    [".git", "book", "data", "fixtures", "node_modules", "runs", "shared", "target", ".venv"];

/// Extensions of the files that are checked, besides `.ci/run`.
const EXTENSIONS: [&str; 4] = ["rs", "md", "toml", "py"];

/// Paths whose wording isn't converted yet. Remove an entry when its files pass.
const PENDING: &[&str] = &[];

/// Correct uses of a rejected phrase: file, phrase and reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("crates/mtpt-train/src/output/checkpoint.rs", "unjudged", "a name in checkpoints"),
    ("crates/mtpt-train/src/output/same_run.rs", "first values", "a key in checkpoints"),
    ("crates/mtpt-train/src/run/identity.rs", "first values", "a key in checkpoints"),
    ("crates/mtpt-train/tests/damage.rs", "unjudged", "a name in checkpoints"),
    ("crates/mtpt-train/tests/stages.rs", "first values", "a key in checkpoints"),
    ("crates/mtpt-train/tests/stopping.rs", "unjudged", "a name in checkpoints"),
    ("CHANGELOG.md", "trained numbers", "an old name"),
    ("crates/mtpt-cli/tests/interrupted.rs", "unjudged", "a suffix on disk"),
    ("examples/src/made_tasks/texts.rs", "goes on", "a sentence of the data"),
];

/// Not checked: its tests and exceptions contain rejected phrases.
const THIS_FILE: &str = "crates/mtpt/tests/terminology.rs";

/// Longest line of a comment, in characters. Table rows and URLs can be longer.
const MAX_WIDTH: usize = 100;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Paths of all checked files, relative to the repository.
fn files() -> Vec<String> {
    fn collect(folder: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if entry.file_type().unwrap().is_dir() {
                if !SKIPPED_DIRECTORIES.contains(&name.as_str()) || path.ends_with("src/data") {
                    collect(&path, found);
                }
                continue;
            }
            let extension = Path::new(&name).extension().and_then(|it| it.to_str());
            if path == THIS_FILE {
                continue;
            }
            if extension.is_some_and(|it| EXTENSIONS.contains(&it)) || path == ".ci/run" {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect("", &mut found);
    found.sort();
    found
}

/// A rejected phrase of the glossary.
struct Phrase {
    text: String,
    replacement: String,
    pattern: Pattern,
}

enum Pattern {
    /// Words in any case; `None` matches one to three of them.
    Words(Vec<Option<String>>),
    /// Code, compared as it is.
    Code,
}

impl Phrase {
    fn new(text: &str, replacement: &str) -> Self {
        let is_prose = |sign: char| sign.is_alphanumeric() || " '-…".contains(sign);
        let pattern = if text.chars().all(is_prose) {
            let word = |word: &str| (word != "…").then(|| word.to_lowercase());
            Pattern::Words(text.split([' ', '-']).map(word).collect())
        } else {
            Pattern::Code
        };
        Self { text: text.to_owned(), replacement: replacement.to_owned(), pattern }
    }

    /// Line numbers of the phrase in a text.
    fn lines(&self, text: &str, words: &[Word]) -> Vec<usize> {
        match &self.pattern {
            Pattern::Words(pattern) => (0..words.len())
                .filter(|&start| starts_with(&words[start..], pattern))
                .map(|start| words[start].line)
                .collect(),
            Pattern::Code => {
                let numbered = text.lines().zip(1..);
                numbered.filter(|(line, _)| line.contains(&self.text)).map(|(_, it)| it).collect()
            }
        }
    }
}

fn starts_with(words: &[Word], pattern: &[Option<String>]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return true };
    match first {
        Some(expected) => words
            .split_first()
            .is_some_and(|(word, others)| word.text == *expected && starts_with(others, rest)),
        None => (1..=3).any(|skipped| {
            words.len() > skipped
                && words[..skipped].iter().all(|word| !word.text.is_empty())
                && starts_with(&words[skipped..], rest)
        }),
    }
}

/// A word in lower case and its line; an empty one separates sentences, cells and expressions.
struct Word {
    text: String,
    line: usize,
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let content = line.trim_start_matches([' ', '/', '!', '#', '*', '>']);
        if content.is_empty() {
            words.push(Word { text: String::new(), line: number });
        }
        for range in runs(content) {
            let run = &content[range];
            let is_word = run.starts_with(|sign: char| sign.is_alphanumeric() || sign == '\'');
            let is_gap = run.chars().all(|sign| " \t_-/\"`'*".contains(sign));
            match (is_word, is_gap) {
                (true, _) => words.push(Word { text: run.to_lowercase(), line: number }),
                (false, true) => {}
                (false, false) => words.push(Word { text: String::new(), line: number }),
            }
        }
    }
    words
}

/// Maximal runs of characters that belong to words, and those between them.
fn runs(text: &str) -> Vec<Range<usize>> {
    let in_word = |sign: char| sign.is_alphanumeric() || sign == '\'';
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut last = None;
    for (start, sign) in text.char_indices() {
        let end = start + sign.len_utf8();
        match runs.last_mut() {
            Some(run) if last == Some(in_word(sign)) => run.end = end,
            _ => runs.push(start..end),
        }
        last = Some(in_word(sign));
    }
    runs
}

/// Phrases in backticks in the last column of the glossary.
fn glossary() -> Vec<Phrase> {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let section = text.split("### Glossary").nth(1).expect("CONTRIBUTING.md has a glossary");
    let section = section.split("\n## ").next().unwrap();
    let mut phrases = Vec::new();
    for row in section.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [term, _, rejected] = cells[..] else { panic!("expected three columns: {row}") };
        phrases.extend(rejected.split('`').skip(1).step_by(2).map(|it| Phrase::new(it, term)));
    }
    phrases
}

fn is_pending(path: &str) -> bool {
    PENDING.iter().any(|pending| path.starts_with(pending))
}

/// The text of a file without the glossary itself.
fn read(path: &str) -> String {
    let text = fs::read_to_string(root().join(path)).unwrap();
    if path != "CONTRIBUTING.md" {
        return text;
    }
    let prose = |line: &str| if line.starts_with("| ") { "\n".into() } else { format!("{line}\n") };
    text.lines().map(prose).collect()
}

#[test]
fn texts_use_the_terms_of_the_glossary() {
    let phrases = glossary();
    assert!(phrases.len() > 30, "only {} phrases in the glossary", phrases.len());
    let mut failures = Vec::new();
    for path in files().iter().filter(|path| !is_pending(path)) {
        let text = read(path);
        let words = words(&text);
        for phrase in &phrases {
            let excepted =
                |(file, text, _): &&(&str, &str, &str)| file == path && *text == phrase.text;
            if EXCEPTIONS.iter().find(excepted).is_some() {
                continue;
            }
            for line in phrase.lines(&text, &words) {
                let Phrase { text, replacement, .. } = phrase;
                failures.push(format!("{path}:{line}: `{text}`; write: {replacement}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} phrases:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn comments_wrap_at_one_hundred_columns() {
    let mut failures = Vec::new();
    for path in files().iter().filter(|path| path.ends_with(".rs") && !is_pending(path)) {
        for (line, number) in read(path).lines().zip(1..) {
            let width = line.chars().count();
            let is_comment = line.trim_start().starts_with("//");
            let is_table = line.trim_start_matches([' ', '/', '!']).starts_with('|');
            if is_comment && width > MAX_WIDTH && !is_table && !line.contains("://") {
                failures.push(format!("{path}:{number}: {width} columns"));
            }
        }
    }
    assert!(failures.is_empty(), "{} lines:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn phrases_are_found_across_lines_but_not_across_sentences() {
    let found = |phrase: &str, text: &str| Phrase::new(phrase, "").lines(text, &words(text));
    assert_eq!(found("goes on", "/// The run Goes\n/// on.\n"), [1]);
    assert_eq!(found("goes on", "fn a_run_goes_on_here() {}"), [1]);
    assert_eq!(found("goes on", "so it goes. On it"), [0; 0]);
    assert_eq!(found("goes on", "it undergoes on"), [0; 0]);
    assert_eq!(found("leave … away", "Leave the\n`--option` away"), [1]);
    assert_eq!(found("leave … away", "leave it. Go far away"), [0; 0]);
    assert_eq!(found("a: &impl B", "fn f(a: &impl B)"), [1]);
}
