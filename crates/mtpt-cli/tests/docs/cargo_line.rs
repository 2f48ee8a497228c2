use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::root;

/// A package of the workspace.
pub(crate) struct Package {
    name: String,
    folder: PathBuf,
    features: Vec<String>,
    /// Kind (`lib`, `bin`, `example`, `test`, `bench`) and name.
    targets: Vec<(String, String)>,
}

/// Returns the packages of the workspace.
pub(crate) fn packages() -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let package = |package: &Value| Package {
        name: text(&package["name"]),
        folder: Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned(),
        features: package["features"].as_object().unwrap().keys().cloned().collect(),
        targets: package["targets"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|target| {
                let kinds = target["kind"].as_array().unwrap();
                kinds.iter().map(|kind| (text(kind), text(&target["name"])))
            })
            .collect(),
    };
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

/// Returns whether a shell line runs cargo, possibly after assignments of variables.
pub(crate) fn is_cargo(words: &[String]) -> bool {
    let is_assignment = |word: &&String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|sign| sign.is_ascii_uppercase() || sign == '_')
        })
    };
    words.iter().find(|word| !is_assignment(word)).is_some_and(|word| word == "cargo")
}

/// Checks that everything a cargo line names exists: subcommand, packages, targets, features,
/// paths.
pub(crate) fn check(packages: &[Package], words: &[String]) -> Result<(), String> {
    let mut words = words.iter().skip_while(|word| *word != "cargo").skip(1);
    let command = words.next().ok_or("expected a subcommand of cargo, found none")?;
    if !["bench", "build", "check", "clippy", "doc", "fmt", "install", "run", "test"]
        .contains(&command.as_str())
    {
        return Err(format!("`cargo {command}` is not known to this test"));
    }
    let mut chosen: Vec<&Package> = Vec::new();
    let mut targets: Vec<(&str, String)> = Vec::new();
    let mut features: Vec<String> = Vec::new();
    while let Some(word) = words.next() {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let mut value = || {
            let value = value.clone().or_else(|| words.next().cloned());
            value.ok_or_else(|| format!("expected a value after `{option}`, found none"))
        };
        match option {
            "--" => break,
            "--all"
            | "--all-targets"
            | "--check"
            | "--locked"
            | "--no-default-features"
            | "--no-deps"
            | "--offline"
            | "--release"
            | "--workspace" => {}
            "-p" | "--package" => {
                let name = value()?;
                let package = packages.iter().find(|package| package.name == name);
                chosen.push(package.ok_or_else(|| format!("there is no package `{name}`"))?);
            }
            "--path" => {
                let path = value()?;
                let folder = root().join(&path);
                let package = packages.iter().find(|package| package.folder == folder);
                chosen.push(package.ok_or_else(|| format!("there is no package in `{path}`"))?);
            }
            "--example" => targets.push(("example", value()?)),
            "--test" => targets.push(("test", value()?)),
            "--bench" => targets.push(("bench", value()?)),
            "--bin" => targets.push(("bin", value()?)),
            "-F" | "--features" => features.extend(value()?.split([',', ' ']).map(str::to_owned)),
            // Names of tests and benches to run.
            word if !word.starts_with('-') && ["test", "bench"].contains(&command.as_str()) => {}
            word => {
                return Err(format!("`{word}` after `cargo {command}` is not known to this test"));
            }
        }
    }
    if chosen.is_empty() {
        chosen.extend(packages);
    }
    for (kind, name) in targets {
        let has = |package: &&Package| {
            package.targets.iter().any(|(of, target)| *of == kind && *target == name)
        };
        if !chosen.iter().any(has) {
            return Err(format!("there is no {kind} `{name}`"));
        }
    }
    for feature in features {
        if !chosen.iter().any(|package| package.features.contains(&feature)) {
            return Err(format!("there is no feature `{feature}`"));
        }
    }
    let has_command = |package: &&Package| package.targets.iter().any(|(kind, _)| kind == "bin");
    if command == "install" && !chosen.iter().any(has_command) {
        return Err("there is nothing to install".into());
    }
    Ok(())
}

#[test]
fn missing_items_are_named() {
    let packages = packages();
    let check = |line: &str| {
        let words = shlex::split(line).unwrap();
        assert!(is_cargo(&words), "{line}");
        check(&packages, &words)
    };
    for line in [
        "cargo run --release --example multitask -- --model MODEL",
        "cargo test --workspace",
        "MTPT_REQUIRE_GPU=1 cargo test -p mtpt --features wgpu --test gpu_gradients",
        "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps",
        "cargo install --path crates/mtpt-cli --features=cuda,hub",
        "cargo bench --bench compose",
    ] {
        assert_eq!(check(line), Ok(()), "{line}");
    }
    for (line, problem) in [
        ("cargo run --release --example multi", "there is no example `multi`"),
        ("cargo test -p mtpt-core --features wgpu", "there is no feature `wgpu`"),
        ("cargo test -p nothing", "there is no package `nothing`"),
        ("cargo test -p mtpt --test main", "there is no test `main`"),
        ("cargo install --path crates/mtpt", "there is nothing to install"),
        ("cargo install --path crates/other", "there is no package in `crates/other`"),
        ("cargo build --relase", "`--relase` after `cargo build` is not known to this test"),
        ("cargo xtask", "`cargo xtask` is not known to this test"),
    ] {
        assert_eq!(check(line), Err(problem.to_owned()), "{line}");
    }
    assert!(!is_cargo(&shlex::split("echo cargo").unwrap()));
}
