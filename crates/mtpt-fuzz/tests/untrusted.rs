//! Inputs that once broke a reader, and a short campaign.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use mtpt_fuzz::targets::TARGETS;

fn fuzz(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mtpt-fuzz")).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), text + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_target_accepts_a_seed() {
    for target in &TARGETS {
        let seeds = target.seeds().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let accepted = seeds.iter().enumerate().filter(|(index, seed)| {
            let folder = folder.path().join(index.to_string());
            seed.write(&folder).unwrap();
            (target.read)(&folder).depth == mtpt_fuzz::outcome::Depth::Accepted
        });
        assert!(accepted.count() > 0, "no seed of `{}` is accepted", target.name);
    }
}

#[test]
fn no_stored_input_breaks_its_reader() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let (passed, text) = fuzz(&["replay", folder.to_str().unwrap()]);
    assert!(passed, "{text}");
}
