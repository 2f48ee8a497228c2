//! Disks that take no more, and folders that take nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::world::World;

const COMMAND: &str = "mtpt train run.toml --output run --resume";

/// A world with a run that was stopped after its fourth step, and the prompts that it would have come to.
fn stopped() -> (World, Vec<u8>) {
    let world = World::new();
    world.rows("train run.toml --output whole", "");
    world.rows("train run.toml --output run", "");
    let prompts = fs::read(world.path("whole/prompts.safetensors")).unwrap();
    // As if the run had ended after its fourth step.
    fs::remove_dir_all(world.path("run/checkpoints/step-00000006")).unwrap();
    (world, prompts)
}

/// A command ends with an error that says all of this, and the run is what it was: it goes on from there.
#[track_caller]
fn check(world: &World, whole: &[u8], line: &str, parts: &[&str]) {
    let (code, messages) = world.shell(line);
    assert_eq!(code, 1, "{messages}");
    let error = messages.lines().last().unwrap_or_default();
    assert!(error.starts_with("error: ") && !messages.contains("panicked"), "{messages}");
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    let metrics = fs::read_to_string(world.path("run/metrics.jsonl")).unwrap();
    for line in metrics.split_inclusive('\n') {
        assert!(line.ends_with('\n'), "{line}");
        serde_json::from_str::<Value>(line).unwrap();
    }
    assert!(world.path("run/checkpoints/step-00000004").is_dir());
    let (code, messages) = world.shell(COMMAND);
    assert_eq!(code, 0, "{messages}");
    assert!(!messages.contains("note: "), "the checkpoint was whole: {messages}");
    assert!(fs::read(world.path("run/prompts.safetensors")).unwrap() == whole);
    let steps = fs::read_to_string(world.path("run/metrics.jsonl")).unwrap();
    assert_eq!(steps.matches("\"loss\"").count(), 6);
}

#[test]
fn a_file_beyond_the_limit_on_sizes_is_an_error_like_any_other() {
    let (world, whole) = stopped();
    // Kibibytes: the metrics are smaller, the prompts of the checkpoint larger.
    let size = |name: &str| fs::metadata(world.path(name)).unwrap().len();
    let limit = size("run/metrics.jsonl").div_ceil(1024) + 1;
    let state = "run/checkpoints/step-00000004/optimizer.bpk";
    assert!(size(state) > 1024 * limit, "{} {limit}", size(state));
    let parts = ["cannot write `run/", "raise the file size limit (`ulimit -f`)"];
    check(&world, &whole, &format!("ulimit -f {limit}; {COMMAND}"), &parts);
}

/// Whether this system lets a process have file systems of its own, as containers often do not.
fn may_mount() -> bool {
    let line = "mount -t tmpfs -o size=64k none /mnt";
    let tried = Command::new("unshare").args(["-rm", "sh", "-c", line]).output();
    let may = tried.is_ok_and(|output| output.status.success());
    if !may {
        println!("skipped: no file system may be mounted here (`unshare -rm`)");
    }
    may
}

/// The bytes of the files in a folder and below.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { size(&path) } else { path.metadata().unwrap().len() })
        .sum()
}

/// A small disk with the run on it takes its place, and when the command is over the run goes back.
fn on_a_small_disk(kibibytes: u64) -> String {
    format!(
        "cp -r run kept && unshare -rm bash -c 'mount -t tmpfs -o size={kibibytes}k none run && cp -r kept/. run && \
         {{ {COMMAND}; code=$?; rm -rf kept/* && cp -r run/. kept; exit $code; }}'; \
         code=$?; rm -rf run && mv kept run; exit $code"
    )
}

#[test]
fn a_full_disk_leaves_what_was_written_before() {
    if !may_mount() {
        return;
    }
    let (world, whole) = stopped();
    fs::rename(world.path("run"), world.path("begun")).unwrap();
    // The least that the run itself takes, in pages of 4 KiB, and a little more each time, until there is room for all.
    let mut room = size(&world.path("begun")).div_ceil(4096) * 4 + 32;
    let mut told = BTreeSet::new();
    loop {
        let (code, messages) =
            world.shell(&format!("rm -rf run && cp -r begun run && {}", on_a_small_disk(room)));
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
        told.insert(file.split('`').next().unwrap().to_owned());
        let (code, messages) = world.shell(COMMAND);
        assert_eq!(code, 0, "{room} KiB: {messages}");
        assert!(!messages.contains("note: "), "{messages}");
        assert!(fs::read(world.path("run/prompts.safetensors")).unwrap() == whole, "{room} KiB");
    }
    assert!(told.len() >= 3, "what the disk had no room for: {told:?}");
}

#[test]
fn a_folder_that_takes_nothing_is_named() {
    // A file in the place of the folder hinders an administrator, too.
    let (world, whole) = stopped();
    let line = format!(
        "mv run/checkpoints kept && echo > run/checkpoints; {COMMAND}; code=$?; \
         rm run/checkpoints && mv kept run/checkpoints; exit $code"
    );
    let parts = ["`run/checkpoints`", "a file has the name of a required folder; move the file"];
    check(&world, &whole, &line, &parts);
    let (world, whole) = stopped();
    let read_only = format!("chmod -R a-w run; {COMMAND}; code=$?; chmod -R u+w run; exit $code");
    if world.shell("chmod a-w run; mkdir run/probe; code=$?; chmod u+w run; exit $code").0 == 0 {
        println!("skipped: permissions do not hold an administrator");
    } else {
        let parts = ["cannot write `run/", "choose a writable location with `--output`"];
        check(&world, &whole, &read_only, &parts);
    }
    if may_mount() {
        let (world, whole) = stopped();
        let mounted = "mount --bind run run && mount -o remount,ro,bind run";
        let line = format!("unshare -rm bash -c '{mounted} && {COMMAND}'");
        let parts = ["cannot write `run/", "choose a writable location with `--output`"];
        check(&world, &whole, &line, &parts);
    }
}
