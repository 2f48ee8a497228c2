use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cargo_line::{self, Package};
use super::markdown::{Block, Document};
use super::{chapters, expected, root};

/// The only commands in the path of a chapter, besides `mtpt`.
const TOOLS: [&str; 11] =
    ["cat", "cp", "cut", "grep", "head", "ls", "mkdir", "rm", "sleep", "tail", "wc"];

/// The output of a `sh` block.
struct Printed {
    output: String,
    messages: String,
}

#[test]
fn examples_print_the_documented_output() {
    let tools = tools();
    let packages = cargo_line::packages();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = chapters()
            .into_iter()
            .map(|path| {
                let (tools, packages) = (tools.path(), &packages);
                scope.spawn(move || run(&Document::read(&path), tools, packages).err())
            })
            .collect();
        running.into_iter().filter_map(|chapter| chapter.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Creates a folder with the commands that chapters may use.
fn tools() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(env!("CARGO_BIN_EXE_mtpt"), folder.path().join("mtpt")).unwrap();
    for tool in TOOLS {
        let program = find(tool).unwrap_or_else(|| panic!("`{tool}` is not in PATH"));
        symlink(program, folder.path().join(tool)).unwrap();
    }
    folder
}

fn find(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(tool)).find(|path| path.is_file())
}

/// Runs the blocks of a chapter in order, until the first difference.
fn run(chapter: &Document, tools: &Path, packages: &[Package]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in chapter.needs() {
        copy(&root().join(source), &folder.path().join(name)).map_err(|problem| {
            format!("{}:1: what the chapter needs is not there: {problem}", chapter.path)
        })?;
    }
    let mut printed = None;
    for block in &chapter.blocks {
        take(block, folder.path(), tools, packages, &mut printed)
            .map_err(|problem| format!("{}:{}: {problem}", chapter.path, block.line))?;
    }
    Ok(())
}

fn take(
    block: &Block,
    folder: &Path,
    tools: &Path,
    packages: &[Package],
    printed: &mut Option<Printed>,
) -> Result<(), String> {
    let before = || "there is no block of `sh` before that could have printed this".to_owned();
    let mut code = 0;
    for mark in &block.marks {
        match mark.split_once(':') {
            // Rust blocks have the marks of rustdoc.
            _ if block.language == "rust" => {}
            Some(("file", name)) => {
                fs::write(folder.join(name), &block.text).map_err(|error| error.to_string())?;
            }
            Some(("exit", expected)) if block.language == "sh" => {
                code = expected.parse().map_err(|_| format!("`{expected}` is no exit code"))?;
            }
            None if mark == "output" => {
                let printed = printed.as_ref().ok_or_else(before)?;
                compare(&block.text, &printed.output)?;
            }
            None if mark == "messages" => {
                let printed = printed.as_ref().ok_or_else(before)?;
                compare(&block.text, &printed.messages)?;
            }
            _ => return Err(format!("the mark `{mark}` is not known")),
        }
    }
    if block.language == "sh" {
        *printed = Some(shell(&block.text, code, folder, tools, packages)?);
    }
    Ok(())
}

fn compare(expected: &str, found: &str) -> Result<(), String> {
    if expected::matches(expected, found) {
        return Ok(());
    }
    Err(format!("what is shown is not what was printed:\n{expected}--- printed:\n{found}---"))
}

fn shell(
    text: &str,
    code: i32,
    folder: &Path,
    tools: &Path,
    packages: &[Package],
) -> Result<Printed, String> {
    let mut script = String::new();
    for line in text.replace("\\\n", " ").lines() {
        match shlex::split(line) {
            Some(words) if cargo_line::is_cargo(&words) => cargo_line::check(packages, &words)?,
            _ => {
                let _ = writeln!(script, "{line}");
            }
        }
    }
    let output = Command::new(find("bash").ok_or("`bash` is not in PATH")?)
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder)
        .env("PATH", tools)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let printed = Printed {
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        messages: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    if output.status.code() != Some(code) {
        return Err(format!(
            "expected exit code {code}, found {} after:\n{script}--- output:\n{}--- messages:\n{}---",
            output.status, printed.output, printed.messages
        ));
    }
    Ok(printed)
}

/// Copies a file or a folder, because a chapter may change its files.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", from.display());
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    if from.is_dir() {
        fs::create_dir_all(to).map_err(failed)?;
        for entry in from.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to).map(drop).map_err(failed)
}

/// Runs a chapter that must fail with a message that contains all parts.
#[track_caller]
fn check_failure(text: &str, parts: &[&str]) {
    let tools = tools();
    let chapter = Document::parse("a.md", text.to_owned());
    let failure = run(&chapter, tools.path(), &cargo_line::packages()).unwrap_err();
    for part in parts {
        assert!(failure.contains(part), "`{part}` is not in: {failure}");
    }
}

#[test]
fn differences_name_their_line() {
    check_failure("one\n\n```sh\nmtpt trane\n```\n", &["a.md:3: expected exit code 0", "'trane'"]);
    check_failure("```sh exit:1\nls\n```\n", &["a.md:1: expected exit code 1"]);
    check_failure("```sh\npip install x\n```\n", &["a.md:1: ", "pip: command not found"]);
    check_failure("```sh\ncargo run --example other\n```\n", &["there is no example `other`"]);
    check_failure("```sh\necho a\n```\n\n```text output\nb\n```\n", &["a.md:5: ", "printed:\na\n"]);
    check_failure("```text output\nb\n```\n", &["a.md:1: there is no block of `sh` before"]);
    check_failure("```sh\nmtpt score --model t5 | cat\n```\n", &["no model at `t5`"]);
    check_failure("<!-- needs: a = docs/none -->\n", &["a.md:1: what the chapter needs", "none"]);
    check_failure("```toml fil:a\n```\n", &["the mark `fil:a` is not known"]);
}
