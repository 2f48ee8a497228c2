//! Compares the book and the README with the program: runs their examples and checks their
//! references.
//!
//! Marks after the language of a fenced block, invisible to readers, control the test:
//!
//! - `sh` is run by bash, with `-euo pipefail`, in a folder that the blocks of a chapter share.
//!   `sh exit:1` must exit with that code. A comment at the top of the chapter lists the files that
//!   the folder starts with, each with its name and its path in the repository: `<!-- needs: t5 =
//!   examples/models/mtpt-nano, tickets.jsonl = docs/data/tickets.train.jsonl -->`.
//! - `toml file:run.toml`, or any other language with `file:`, is written to that file.
//! - `json output` and `text output` show the standard output of the preceding `sh` block,
//!   `text messages` its standard error. `…` matches any text within a line; a line with only `…`
//!   matches any lines.
//!
//! Marks use a colon because rustdoc, which tests the Rust code of the README, warns of other
//! signs.
//!
//! Lines that start with `cargo` are not run, because a test must not start a build. Everything
//! that they name must exist.

mod cargo_line;
#[cfg(unix)]
mod chapter;
mod configuration;
mod expected;
mod links;
mod markdown;
mod parameters;
mod reference;
mod supported_files;

use std::path::{Path, PathBuf};

/// Returns the root folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns the paths of the README and of every chapter of the book.
fn chapters() -> Vec<String> {
    let mut chapters: Vec<String> = root()
        .join("docs/src")
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("docs/src/{name}"))
        .collect();
    chapters.push("README.md".into());
    chapters.sort();
    chapters
}
