//! Full disks, file size limits and read-only folders.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::world::{World, check_contains};

const COMMAND: &str = "mtpt train run.toml --output run --resume";

/// Returns a world with a run that stopped after its fourth step, and the prompts of the complete
/// run.
fn stopped() -> (World, Vec<u8>) {
    let world = World::new();
    world.rows("train run.toml --output complete", "");
    world.rows("train run.toml --output run", "");
    let prompts = fs::read(world.path("complete/prompts.safetensors")).unwrap();
    // Simulate a run that stopped after its fourth step.
    fs::remove_dir_all(world.path("run/checkpoints/step-00000006")).unwrap();
    (world, prompts)
}

/// Checks that a command fails with an error that contains all parts, and that the run can be
/// resumed with the same result.
#[track_caller]
fn check(world: &World, complete: &[u8], line: &str, parts: &[&str]) {
    let (code, messages) = world.shell(line);
    assert_eq!(code, 1, "{messages}");
    let error = messages.lines().last().unwrap_or_default();
    assert!(error.starts_with("error: ") && !messages.contains("panicked"), "{messages}");
    check_contains(error, parts);
    let metrics = fs::read_to_string(world.path("run/metrics.jsonl")).unwrap();
    for line in metrics.split_inclusive('\n') {
        assert!(line.ends_with('\n'), "{line}");
        serde_json::from_str::<Value>(line).unwrap();
    }
    assert!(world.path("run/checkpoints/step-00000004").is_dir());
    let (code, messages) = world.shell(COMMAND);
    assert_eq!(code, 0, "{messages}");
    assert!(!messages.contains("note: `run"), "the checkpoint was complete: {messages}");
    assert!(fs::read(world.path("run/prompts.safetensors")).unwrap() == complete);
    let steps = fs::read_to_string(world.path("run/metrics.jsonl")).unwrap();
    assert_eq!(steps.matches("\"loss\"").count(), 6);
}

#[test]
fn exceeding_the_file_size_limit_is_an_error() {
    let (world, complete) = stopped();
    // In KiB: the metrics fit, the checkpoint doesn't.
    let size = |name: &str| fs::metadata(world.path(name)).unwrap().len();
    let limit = size("run/metrics.jsonl").div_ceil(1024) + 1;
    let state = "run/checkpoints/step-00000004/optimizer.bpk";
    assert!(size(state) > 1024 * limit, "{} {limit}", size(state));
    let parts = ["cannot write `run/", "raise the file size limit (`ulimit -f`)"];
    check(&world, &complete, &format!("ulimit -f {limit}; {COMMAND}"), &parts);
}

/// Returns whether a process may mount file systems, which containers often forbid.
fn may_mount() -> bool {
    let line = "mount -t tmpfs -o size=64k none /mnt";
    let tried = Command::new("unshare").args(["-rm", "sh", "-c", line]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        println!("skipped: no file system may be mounted here (`unshare -rm`)");
    }
    may
}

/// Returns the total size of the files in a folder, in bytes.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { size(&path) } else { path.metadata().unwrap().len() })
        .sum()
}

/// Returns a shell line that moves the run to a small disk, runs the command, and moves the run
/// back.
fn on_a_small_disk(kibibytes: u64) -> String {
    format!(
        "cp -r run kept && unshare -rm bash -c 'mount -t tmpfs -o size={kibibytes}k none run && cp -r kept/. run && \
         {{ {COMMAND}; code=$?; rm -rf kept/* && cp -r run/. kept; exit $code; }}'; \
         code=$?; rm -rf run && mv kept run; exit $code"
    )
}

#[test]
fn full_disk_preserves_earlier_files() {
    if !may_mount() {
        return;
    }
    let (world, complete) = stopped();
    fs::rename(world.path("run"), world.path("original")).unwrap();
    // Start with the size of the run, in pages of 4 KiB, and add some until everything fits.
    let mut room = size(&world.path("original")).div_ceil(4096) * 4 + 32;
    let mut reported = BTreeSet::new();
    loop {
        let (code, messages) =
            world.shell(&format!("rm -rf run && cp -r original run && {}", on_a_small_disk(room)));
        if code == 0 {
            break;
        }
        room += 4;
        if messages.contains("cp: ") {
            continue;
        }
        let error = messages.lines().last().unwrap_or_default();
        assert!(
            error.ends_with("; free some disk space; files written earlier are complete"),
            "{messages}"
        );
        let file = error.strip_prefix("error: cannot write `run/").unwrap();
        reported.insert(file.split('`').next().unwrap().to_owned());
        let (code, messages) = world.shell(COMMAND);
        assert_eq!(code, 0, "{room} KiB: {messages}");
        assert!(!messages.contains("note: `run"), "{messages}");
        assert!(fs::read(world.path("run/prompts.safetensors")).unwrap() == complete, "{room} KiB");
    }
    assert!(reported.len() >= 3, "files that did not fit: {reported:?}");
}

#[test]
fn unwritable_folders_are_named() {
    // A file with the name of the folder stops an administrator, too.
    let (world, complete) = stopped();
    let line = format!(
        "mv run/checkpoints kept && echo > run/checkpoints; {COMMAND}; code=$?; \
         rm run/checkpoints && mv kept run/checkpoints; exit $code"
    );
    let parts = ["`run/checkpoints`", "a file has the name of a required folder; move the file"];
    check(&world, &complete, &line, &parts);
    let (world, complete) = stopped();
    let read_only = format!("chmod -R a-w run; {COMMAND}; code=$?; chmod -R u+w run; exit $code");
    if world.shell("chmod a-w run; mkdir run/probe; code=$?; chmod u+w run; exit $code").0 == 0 {
        println!("skipped: permissions do not apply to an administrator");
    } else {
        let parts = ["cannot write `run/", "choose a writable location with `--output`"];
        check(&world, &complete, &read_only, &parts);
    }
    if may_mount() {
        let (world, complete) = stopped();
        let mounted = "mount --bind run run && mount -o remount,ro,bind run";
        let line = format!("unshare -rm bash -c '{mounted} && {COMMAND}'");
        let parts = ["cannot write `run/", "choose a writable location with `--output`"];
        check(&world, &complete, &line, &parts);
    }
}
