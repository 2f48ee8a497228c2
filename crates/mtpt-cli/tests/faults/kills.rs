use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::jobs::{Job, PREDICT, PRETRAIN, STAGES, TRAIN, check_complete, results, world};
use crate::interrupted::random;
use crate::world::World;

/// Kills a job at random moments, resumes it, and compares its results when it ends.
fn kill(world: &World, job: Job, kills: usize) {
    job.clear(world);
    let start = Instant::now();
    let expected = job.repeated(world, "undisturbed");
    let duration = start.elapsed().max(Duration::from_millis(20));
    job.clear(world);
    let mut state = kills as u64;
    let mut done = 0;
    while done < kills {
        let mut child = world
            .command(job.command)
            .env("RAYON_NUM_THREADS", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        thread::sleep(duration.mul_f64((random(&mut state) % 1_000) as f64 / 1_000.0));
        let _ = child.kill();
        let ended = child.wait_with_output().unwrap();
        let messages = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!messages.contains("note: `out"), "a checkpoint was skipped: {messages}");
        check_complete(&world.path("out"), true, job.command);
        if ended.status.signal() == Some(9) {
            done += 1;
            // Without an end, a job that never gets far would hide faults of its last part.
            if done % 7 > 0 {
                continue;
            }
            let found = job.repeated(world, job.command);
            assert!(found == expected, "{}: other results after {done} kills", job.command);
        } else {
            assert!(ended.status.success(), "{}: {messages}", job.command);
            assert!(results(&world.path("out")) == expected, "{}: other results", job.command);
        }
        let _ = fs::remove_dir_all(world.path("out"));
    }
    assert!(job.repeated(world, job.command) == expected, "{}: other results", job.command);
}

#[test]
fn jobs_killed_at_random_moments_have_the_same_results() {
    let kills = std::env::var("MTPT_KILLS").map_or(28, |kills| kills.parse().unwrap());
    let world = world();
    let jobs = [TRAIN, STAGES, PRETRAIN, PREDICT];
    for job in jobs {
        kill(&world, job, kills / jobs.len());
    }
}
