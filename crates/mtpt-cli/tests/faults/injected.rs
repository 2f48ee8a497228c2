use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use super::jobs::{JOBS, Job, PREDICT, Results, TRAIN, check_complete, results, world};
use super::shim::{Fault, Struck, library, run};
use crate::world::World;

/// Classes of calls.
const CLASSES: [&str; 8] =
    ["open", "read", "write", "sync", "rename", "remove", "create", "change"];

/// A job, its world and its undisturbed results.
struct Bench<'a> {
    world: &'a World,
    library: &'a Path,
    job: Job,
    expected: Results,
}

impl<'a> Bench<'a> {
    fn new(world: &'a World, library: &'a Path, job: Job) -> Self {
        job.clear(world);
        let expected = job.repeated(world, "undisturbed");
        Self { world, library, job, expected }
    }

    /// Runs the job from its start with a fault.
    fn strike(&self, fault: Fault) -> Struck {
        self.job.clear(self.world);
        run(self.world, self.library, self.job.command, ("", fault))
    }

    /// Returns the numbers of the calls to fail: all or a sample of them.
    fn numbers(&self, fault: Fault, samples: usize, seed: usize) -> Vec<usize> {
        let total = self.strike(Fault { at: 0, ..fault }).calls;
        if std::env::var("MTPT_FAULTS").is_ok_and(|which| which == "all") {
            return (1..=total).collect();
        }
        let samples = samples.min(total);
        (0..samples).map(|index| 1 + (index * total + seed % total) / samples % total).collect()
    }

    /// Checks the results after the job is repeated.
    fn check_repeated(&self, context: &str) {
        let found = self.job.repeated(self.world, context);
        check_same(&found, &self.expected, context);
    }
}

#[track_caller]
fn check_same(found: &Results, expected: &Results, context: &str) {
    let names = |results: &Results| results.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{context}");
    let other = found.iter().find(|(name, bytes)| expected[*name] != **bytes);
    assert!(other.is_none(), "{context}: `{}` has other contents", other.unwrap().0);
}

/// Returns the name by which a message should call a file: not that of its temporary file.
fn final_name(path: &Path) -> String {
    let mut name = String::new();
    for part in path.iter().map(|part| part.to_str().unwrap()) {
        if let Some(removed) = part.strip_prefix(".removing-") {
            return removed.to_owned();
        }
        // The folder of a checkpoint that is written, or of the files of a new folder.
        if part.starts_with(".writing-") || part == "contents" {
            continue;
        }
        let written = part.strip_prefix('.').and_then(|rest| rest.split_once(".writing-"));
        name = written.map_or(part, |(name, _)| name).to_owned();
    }
    name
}

/// Injects a fault and checks the message, the files, and the results of a repetition. Returns
/// whether the job survived.
fn check(bench: &Bench<'_>, fault: Fault) -> bool {
    let struck = bench.strike(fault);
    let Some(path) = &struck.path else { return true };
    let messages = struck.messages();
    let context = format!("{}\n{fault:?} at {}: {messages}", bench.job.command, path.display());
    let survived = struck.output.status.success();
    if survived {
        let mut found = results(&bench.world.path("out"));
        // What can't be removed is removed by the next process.
        found.retain(|name, _| !name.contains(".writing-"));
        check_same(&found, &bench.expected, &context);
    } else {
        assert_eq!(struck.output.status.code(), Some(1), "{context}");
        let line = messages.lines().last().unwrap_or_default();
        assert!(line.starts_with("error: "), "{context}");
        // Of several failing calls, the first one may have been tolerated. A failure to flush the
        // world's folder is one to create a folder in it.
        let name = final_name(path);
        let is_named = *path == bench.world.path("")
            || line.contains(&name)
            // The other runs of a sweep go on.
            || messages.lines().any(|line| line.contains(" failed: ") && line.contains(&name));
        assert!(is_named || fault.count != 1, "{context}");
    }
    // The end of a log that can't be truncated is removed when the run resumes.
    check_complete(&bench.world.path("out"), fault.count == 0, &context);
    bench.check_repeated(&context);
    survived
}

#[test]
fn a_failing_call_is_an_error_that_loses_nothing() {
    let Some(library) = library() else { return };
    let world = world();
    let (mut faults, mut survived) = (0, 0);
    for (number, job) in JOBS.into_iter().enumerate() {
        let bench = Bench::new(&world, library, job);
        let samples = if [TRAIN.command, PREDICT.command].contains(&job.command) { 3 } else { 1 };
        for (class, calls) in CLASSES.into_iter().enumerate() {
            // A full disk stays full, a disk error may occur once.
            let writes = !["read", "remove"].contains(&calls);
            let kinds = [("EIO", 1), ("ENOSPC", 0)];
            for (kind, count) in kinds.into_iter().filter(|(kind, _)| writes || *kind == "EIO") {
                let fault = Fault { calls, kind, at: 1, count, every: 1 };
                for at in bench.numbers(fault, samples, 7 * number + 3 * class + count) {
                    survived += usize::from(check(&bench, Fault { at, ..fault }));
                    faults += 1;
                }
            }
        }
    }
    println!("{faults} faults, {survived} without effect on the job");
    assert!(faults > 100);
}

#[test]
fn interrupted_and_short_calls_have_no_effect() {
    let Some(library) = library() else { return };
    let world = world();
    for job in JOBS {
        let bench = Bench::new(&world, library, job);
        // Removing a folder starts over when it is interrupted, so it needs a few calls in between.
        let always = Fault { calls: "all", kind: "EINTR", at: 1, count: 0, every: 7 };
        for fault in [
            always,
            Fault { calls: "read", kind: "short", every: 1, ..always },
            Fault { calls: "write", kind: "short", every: 1, ..always },
        ] {
            assert!(check(&bench, fault), "{}\n{fault:?}", job.command);
        }
    }
}

#[test]
fn a_process_killed_at_any_call_can_be_repeated() {
    let Some(library) = library() else { return };
    let world = world();
    let mut kills = 0;
    for (number, job) in JOBS.into_iter().enumerate() {
        let bench = Bench::new(&world, library, job);
        let fault = Fault { calls: "all", kind: "kill", at: 1, count: 1, every: 1 };
        for at in bench.numbers(fault, 4, 11 * number) {
            let struck = bench.strike(Fault { at, ..fault });
            let Some(path) = &struck.path else { continue };
            let context = format!("{}\nkilled at {at}, {}", job.command, path.display());
            assert_eq!(struck.output.status.signal(), Some(9), "{context}");
            check_complete(&world.path("out"), true, &context);
            bench.check_repeated(&context);
            kills += 1;
        }
    }
    println!("{kills} kills");
    assert!(kills > 30);
}
