//! The documentation, held to the program: what the book and the README show is run, what they name is looked up.
//!
//! A chapter tells what it needs and what must come out by marks that a reader does not see, after the language of a
//! fenced block:
//!
//! - `sh` is run by bash, with `-euo pipefail`, in a folder that the blocks of a chapter share; `sh exit:1` must end with
//!   that code. The folder has what a comment at the top of the chapter asks for, name and place in the repository:
//!   `<!-- needs: t5 = examples/models/mtpt-nano, tickets.jsonl = docs/data/tickets.train.jsonl -->`.
//! - `toml file:run.toml`, or any other language with `file:`, is written to that file.
//! - `json output` and `text output` are the standard output of the block of `sh` before, `text messages` its standard
//!   error; `…` stands for any text within a line, a line of `…` alone for any lines.
//!
//! The colon, since rustdoc, which tests the README's Rust, warns of other signs.
//!
//! Lines that begin with `cargo` are not run: that would be a build inside of a test. What they name must be there.

mod cargo_line;
#[cfg(unix)]
mod chapter;
mod configuration;
mod expected;
mod links;
mod markdown;
mod parameters;
mod reference;

use std::path::{Path, PathBuf};

/// The folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The README and every chapter of the book, by their paths in the repository.
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
