//! Runs that receive a signal or are killed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::world::World;

/// Maximum duration of a process.
const PATIENCE: Duration = Duration::from_secs(60);

fn spawn(world: &World, arguments: &str) -> Child {
    world.spawn(arguments, Stdio::null())
}

fn send(child: &Child, signal: &str) {
    let signal = format!("-{signal}");
    let status = Command::new("kill").args([&signal, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Waits for a condition while the process runs.
fn wait_until(child: &mut Child, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "the condition never held");
        assert!(child.try_wait().unwrap().is_none(), "the process ended too early");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Returns the complete lines of a log that is being written.
fn lines(log: &Path) -> Vec<Value> {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("seconds");
            line
        })
        .collect()
}

/// Returns the steps in a log.
fn steps(log: &Path) -> Vec<u64> {
    let lines = lines(log);
    let steps = lines.iter().filter(|line| line.get("loss").is_some());
    steps.map(|line| line["step"].as_u64().unwrap()).collect()
}

/// Returns the steps of the checkpoints in a folder and checks that each is intact.
fn checkpoints(folder: &Path) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // A process that is killed while it writes or removes a checkpoint leaves a hidden folder.
        let Some(rest) = name.strip_prefix("step-") else {
            assert!(name.starts_with('.'), "{name}");
            continue;
        };
        found.push(rest.trim_end_matches("-unjudged").parse().unwrap());
        let list = fs::read_to_string(path.join("checksums.json")).unwrap();
        let list: Value = serde_json::from_str(&list).unwrap();
        let list = list.as_object().unwrap();
        assert!(list.len() >= 3, "{list:?}");
        for (file, sum) in list {
            let bytes = fs::read(path.join(file)).unwrap();
            assert_eq!(sum["bytes"], bytes.len(), "{name}/{file}");
        }
    }
    found.sort_unstable();
    found
}

fn prompts(world: &World, run: &str) -> Vec<u8> {
    fs::read(world.path(run).join("prompts.safetensors")).unwrap()
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn messages(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// So many steps that no run finishes before its signal.
const LONG: &str = "--set training.steps=100000 --set evaluation.every=100000";

#[test]
fn signal_ends_the_run_with_a_checkpoint() {
    let world = World::with_text();
    for (command, signal, code) in [
        ("train run.toml", "INT", 130),
        ("train run.toml", "TERM", 143),
        ("pretrain pretrain.toml", "TERM", 143),
    ] {
        let run = format!("{}-{signal}", command.split(' ').next().unwrap());
        let mut child = spawn(
            &world,
            &format!("{command} {LONG} --set training.checkpoint_every=0 --output {run}"),
        );
        let log = world.path(&run).join("metrics.jsonl");
        wait_until(&mut child, || steps(&log).len() >= 3);
        send(&child, signal);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{}", messages(&ended));
        let steps = steps(&log);
        let last = *steps.last().unwrap();
        assert_eq!(steps, (1..=last).collect::<Vec<u64>>());
        assert_eq!(checkpoints(&world.path(&run).join("checkpoints")), [last]);
        let expected = format!(
            "Interrupted at step {last}/100000. Checkpoint saved to \
             `{run}/checkpoints/step-{last:08}`. To continue, rerun with `--resume`."
        );
        assert_eq!(messages(&ended).lines().last(), Some(expected.as_str()));
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn interrupted_run_resumes_bit_exactly() {
    let world = World::new();
    // Evaluations take as long as steps, so that some signals arrive during an evaluation.
    let command = "train run.toml --set training.steps=200 --set evaluation.every=2 \
                   --set evaluation.batch_size=1 --set training.checkpoint_every=0";
    world.rows(&format!("{command} --output whole"), "");
    let log = world.path("parts/metrics.jsonl");
    let (mut parts, mut pending) = (0, 0);
    while parts < 5 || pending == 0 {
        // Only after a new step in the log does the process certainly handle signals. It evaluates
        // after even steps.
        let goal = (steps(&log).len() + 1 + parts).next_multiple_of(2);
        let mut child = spawn(&world, &format!("{command} --output parts --resume"));
        wait_until(&mut child, || steps(&log).len() >= goal);
        send(&child, "TERM");
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(143), "{}", messages(&ended));
        pending += usize::from(messages(&ended).contains("-unjudged"));
        parts += 1;
    }
    world.rows(&format!("{command} --output parts --resume"), "");
    assert!(prompts(&world, "parts") == prompts(&world, "whole"));
    assert_eq!(lines(&log), lines(&world.path("whole/metrics.jsonl")));
}

#[test]
fn second_signal_ends_the_run_immediately() {
    let world = World::new();
    // A step with so many examples that the second signal arrives during it.
    let mut child = spawn(
        &world,
        &format!(
            "train run.toml {LONG} --set training.batch_size=20000 --set training.micro_batch_size=50 --set evaluation.before=false --output run"
        ),
    );
    let log = world.path("run/metrics.jsonl");
    wait_until(&mut child, || log.exists());
    send(&child, "INT");
    thread::sleep(Duration::from_millis(50));
    assert!(child.try_wait().unwrap().is_none(), "the first signal waits for the step");
    let start = Instant::now();
    send(&child, "INT");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", messages(&ended));
    assert!(start.elapsed() < Duration::from_secs(5), "it ends immediately, not after the step");
    assert!(!messages(&ended).contains("Interrupted at"), "{}", messages(&ended));
    assert!(checkpoints(&world.path("run/checkpoints")).is_empty());
}

/// Returns the next number of the splitmix64 generator.
pub(crate) fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn killed_run_resumes_bit_exactly() {
    const KILLS: usize = 20;
    let world = World::new();
    for every in [1, 2] {
        let command = format!(
            "train run.toml --set training.steps=40 --set evaluation.every=4 --set training.checkpoint_every={every}"
        );
        let [whole, parts] = [format!("whole-{every}"), format!("parts-{every}")];
        world.rows(&format!("{command} --output {whole}"), "");
        let folder = world.path(&parts);
        let (log, kept) = (folder.join("metrics.jsonl"), folder.join("checkpoints"));
        let check_end = || {
            assert!(prompts(&world, &parts) == prompts(&world, &whole));
            assert_eq!(lines(&log), lines(&world.path(&whole).join("metrics.jsonl")));
            assert_eq!(names(&folder), names(&world.path(&whole)), "no temporary files are left");
            assert_eq!(names(&kept), names(&world.path(&whole).join("checkpoints")));
        };
        let mut state = every;
        let mut kills = 0;
        while kills < KILLS / 2 {
            let done = steps(&log).len();
            let mut child = spawn(&world, &format!("{command} --output {parts} --resume"));
            // Kill it a few steps later, at a random moment of a step.
            let more = random(&mut state) % 5;
            let moment = Duration::from_micros(random(&mut state) % 20_000);
            let start = Instant::now();
            while child.try_wait().unwrap().is_none()
                && steps(&log).len() < done + more as usize
                && start.elapsed() < PATIENCE
            {
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(moment);
            let _ = child.kill();
            let ended = child.wait_with_output().unwrap();
            assert!(!messages(&ended).contains("note: "), "a checkpoint was skipped");
            if ended.status.signal() != Some(9) {
                // On a fast machine, the run may finish first. Then start over.
                assert!(ended.status.success(), "{}", messages(&ended));
                check_end();
                fs::remove_dir_all(&folder).unwrap();
                continue;
            }
            kills += 1;
            let steps = steps(&log);
            let last = steps.last().copied().unwrap_or(0);
            assert_eq!(steps, (1..=last).collect::<Vec<u64>>(), "each step exactly once");
            let newest = checkpoints(&kept).last().copied().unwrap_or(0);
            // The log may contain steps after the newest checkpoint.
            assert!(newest <= last && last <= newest + every, "{newest} {last}");
        }
        world.rows(&format!("{command} --output {parts} --resume"), "");
        check_end();
    }
}
