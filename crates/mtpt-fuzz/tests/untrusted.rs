//! Inputs that once broke a reader, and a short campaign.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use mtpt_fuzz::mutate::mutate;
use mtpt_fuzz::outcome::Depth;
use mtpt_fuzz::targets::TARGETS;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

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
            (target.read)(&folder).depth == Depth::Accepted
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

#[test]
fn mutations_depend_only_on_the_seed() {
    for target in &TARGETS {
        let seeds = target.seeds().unwrap();
        let mutated = |seed| {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut inputs = seeds.clone();
            inputs.iter_mut().for_each(|input| mutate(input, &seeds, &mut random));
            inputs
        };
        assert_eq!(mutated(1), mutated(1), "{}", target.name);
        let others = (0..20).filter(|&seed| mutated(seed) != seeds).count();
        assert!(others > 10, "{}: {others} of 20 mutations changed something", target.name);
    }
}
