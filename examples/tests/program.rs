use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Output and exit code of a program.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) messages: String,
}

/// Returns the binary of an example, which `cargo test` builds; none if only this test was built.
pub(crate) fn program(example: &str) -> Option<PathBuf> {
    let this = std::env::current_exe().unwrap();
    // This test is in `deps/`, next to `examples/`.
    let folder = this.ancestors().nth(2).unwrap().join("examples");
    let path = folder.join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: `{}` is not built; `cargo test --workspace` builds it", path.display());
    None
}

/// Runs an example in a folder with lines of input, if it is built.
pub(crate) fn run(example: &str, arguments: &str, folder: &Path, input: &str) -> Option<Outcome> {
    let mut child = Command::new(program(example)?)
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that fails immediately doesn't read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Some(Outcome {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).unwrap(),
        messages: String::from_utf8(output.stderr).unwrap(),
    })
}

/// Runs an example that must succeed.
#[track_caller]
pub(crate) fn output(example: &str, arguments: &str, folder: &Path, input: &str) -> Option<String> {
    let outcome = run(example, arguments, folder, input)?;
    assert_eq!(outcome.code, Some(0), "{}", outcome.messages);
    Some(outcome.output)
}
