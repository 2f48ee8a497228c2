use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a program said and how it ended.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) messages: String,
}

/// The program of an example, which `cargo test` builds beside this test: none when this test alone was built.
pub(crate) fn program(example: &str) -> Option<PathBuf> {
    let this = std::env::current_exe().unwrap();
    // This test lies in `deps/`, beside `examples/`.
    let folder = this.ancestors().nth(2).unwrap().join("examples");
    let path = folder.join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    if path.exists() {
        return Some(path);
    }
    eprintln!("passed over: `{}` is not built; `cargo test --workspace` builds it", path.display());
    None
}

/// Runs an example in a folder with lines of input, unless it is not built.
pub(crate) fn run(example: &str, arguments: &str, folder: &Path, input: &str) -> Option<Outcome> {
    let mut child = Command::new(program(example)?)
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that fails at once does not read what it is given.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Some(Outcome {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).unwrap(),
        messages: String::from_utf8(output.stderr).unwrap(),
    })
}

/// The same, for a run that must end well.
#[track_caller]
pub(crate) fn output(example: &str, arguments: &str, folder: &Path, input: &str) -> Option<String> {
    let outcome = run(example, arguments, folder, input)?;
    assert_eq!(outcome.code, Some(0), "{}", outcome.messages);
    Some(outcome.output)
}
