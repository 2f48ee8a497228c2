//! Damaged checkpoints.

use std::fs;
use std::path::Path;

use mtpt_compose::CompositionConfig;
use mtpt_train::{CheckpointError, Error, MetricsLog, Observer, RunDir};

use crate::resume::{StopAt, metrics, run};
use crate::small_world::{SmallWorld, config};

/// Collects the notes.
#[derive(Default)]
struct Warned(Vec<String>);

impl Observer for Warned {
    fn note(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }
}

type Harm = (&'static str, fn(&Path), &'static str);

/// Damage to a file, and its description.
const HARMS: [Harm; 4] = [
    ("missing", |path| fs::remove_file(path).unwrap(), "is missing"),
    ("empty", |path| fs::write(path, "").unwrap(), "has 0 bytes, "),
    (
        "cut",
        |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 9]).unwrap();
        },
        " were written",
    ),
    (
        "flipped",
        |path| {
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            fs::write(path, bytes).unwrap();
        },
        "has other contents than were written",
    ),
];

const FILES: [&str; 5] =
    ["last.safetensors", "best.safetensors", "optimizer.bpk", "state.json", "checksums.json"];

/// Copies a directory with its contents.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn a_damaged_checkpoint_is_skipped_and_named() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let (whole, outcome) = run(&world, &config, "whole", false, &mut ());
    outcome.unwrap();
    // Checkpoints are written at steps 3 and 6.
    let (stopped, outcome) = run(&world, &config, "stopped", false, &mut StopAt(7));
    outcome.unwrap_err();
    for file in FILES {
        for (name, harm, reason) in HARMS {
            let case = format!("{file} {name}");
            let folder = RunDir::create(&world.folder.path().join(&case)).unwrap();
            copy(stopped.path(), folder.path());
            let [newest, before] =
                ["step-00000006", "step-00000003"].map(|step| folder.checkpoints().join(step));
            harm(&newest.join(file));
            let mut warned = Warned::default();
            let (folder, outcome) = run(&world, &config, &case, true, &mut warned);
            outcome.unwrap();
            let [warning] = &warned.0[..] else { panic!("{case}: {:?}", warned.0) };
            let beginning = format!("`{}", newest.display());
            let end = format!("; resuming from `{}`", before.display());
            assert!(
                warning.starts_with(&beginning) && warning.ends_with(&end),
                "{case}: {warning}"
            );
            // A damaged list of checksums is invalid or doesn't match a file.
            if file != "checksums.json" {
                let told = format!("{beginning}/{file}` ");
                assert!(
                    warning.starts_with(&told) && warning.contains(reason),
                    "{case}: {warning}"
                );
            }
            assert!(
                fs::read(folder.prompts()).unwrap() == fs::read(whole.prompts()).unwrap(),
                "{case}"
            );
            assert_eq!(metrics(&folder), metrics(&whole), "{case}");
            let mut warned = Warned::default();
            run(&world, &config, &case, true, &mut warned).1.unwrap();
            assert!(warned.0.is_empty(), "what was damaged is gone: {case}");
        }
    }
}

#[test]
fn if_no_checkpoint_is_intact_the_newest_is_named() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let (folder, outcome) = run(&world, &config, "run", false, &mut StopAt(7));
    outcome.unwrap_err();
    let [newest, before] =
        ["step-00000006", "step-00000003"].map(|step| folder.checkpoints().join(step));
    fs::remove_file(newest.join("optimizer.bpk")).unwrap();
    fs::write(before.join("last.safetensors"), "").unwrap();
    let failure = run(&world, &config, "run", true, &mut ()).1.unwrap_err();
    let expected = format!(
        "`{}` is missing, and no older checkpoint is intact: start over instead of resuming",
        newest.join("optimizer.bpk").display()
    );
    assert_eq!(failure.to_string(), expected);
    assert!(matches!(failure, Error::Checkpoint(CheckpointError::NoneIntact { .. })));
    assert!(newest.is_dir() && before.is_dir(), "nothing was touched");
    run(&world, &config, "run", false, &mut ()).1.unwrap();
}

#[test]
fn damaged_checkpoints_do_not_outlive_intact_ones() {
    let world = SmallWorld::new();
    let config = config(CompositionConfig::default());
    let (folder, outcome) = run(&world, &config, "run", false, &mut StopAt(7));
    outcome.unwrap_err();
    fs::remove_file(folder.checkpoints().join("step-00000006/state.json")).unwrap();
    // The run resumes at step 3 and is stopped before step 6.
    struct Now;
    impl Observer for Now {
        fn stop(&self) -> bool {
            true
        }
    }
    let stopped = run(&world, &config, "run", true, &mut Now).1.unwrap_err();
    assert!(matches!(stopped, Error::Stopped { step: 4, .. }), "{stopped}");
    let mut names: Vec<String> = fs::read_dir(folder.checkpoints())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["step-00000003", "step-00000004-unjudged"]);
}

#[test]
fn a_damaged_log_keeps_its_complete_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let figure =
        "{\"step\":2,\"split\":\"dev\",\"task\":\"a\",\"metric\":\"accuracy\",\"value\":1.0}\n";
    let lines = ["{\"step\":1,\"loss\":1.0}\n", "{\"step\":2,\"loss\":1.0}\n", figure];
    let mut bytes = lines.concat().into_bytes();
    // Possible results of a power failure: zeros, and bytes of other files.
    bytes.extend(b"\0\0\0\xff\xfe\n{\"step\":3,\"loss\":1.0}\n{\"step\":2,\"lo");
    fs::write(&path, bytes).unwrap();
    MetricsLog::open(&path, 2).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), lines.concat());
}
