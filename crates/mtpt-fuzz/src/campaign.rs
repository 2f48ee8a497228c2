//! Campaigns over several targets, and replays of stored inputs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::finding::{Finding, Findings};
use crate::minimize::once_arguments;
use crate::outcome::Depth;
use crate::supervise::supervise;
use crate::targets::Target;

/// Settings of a campaign.
#[derive(Debug)]
pub struct Campaign {
    /// Readers to test.
    pub targets: Vec<&'static Target>,
    /// Computing time of all targets together, shared equally.
    pub duration: Duration,
    /// Initial state of the random number generators.
    pub seed: u64,
    /// Number of workers at a time.
    pub jobs: usize,
    /// Folder for inputs with faults.
    pub findings: PathBuf,
}

/// Result of a target.
#[derive(Debug, Serialize)]
pub struct TargetResult {
    /// Name of the target.
    pub target: &'static str,
    /// Executions per depth.
    pub depths: [u64; Depth::ALL.len()],
    /// Seconds, without the time for making findings smaller.
    pub seconds: f64,
    /// Confirmed faults.
    pub findings: Vec<Finding>,
}

impl TargetResult {
    /// Number of executions.
    pub fn executions(&self) -> u64 {
        self.depths.iter().sum()
    }

    /// Number of executions whose input passed the first check of the parser.
    pub fn past_first_check(&self) -> u64 {
        self.depths[Depth::Parsed as usize..].iter().sum()
    }
}

impl Campaign {
    /// Runs the campaign and returns the results in the order of the targets. `show` is called with
    /// each result when it is available.
    ///
    /// # Errors
    ///
    /// When a process can't be started, or a file can't be written.
    pub fn run(&self, show: impl Fn(&TargetResult) + Sync) -> io::Result<Vec<TargetResult>> {
        let next = Mutex::new(0..self.targets.len());
        let results = Mutex::new(Vec::new());
        let per_target = self.duration.as_secs_f64() * self.jobs as f64 / self.targets.len() as f64;
        let work = || -> io::Result<()> {
            let take = || next.lock().ok().and_then(|mut next| next.next());
            while let Some(index) = take() {
                let result = self.run_target(index, Duration::from_secs_f64(per_target))?;
                show(&result);
                if let Ok(mut results) = results.lock() {
                    results.push((index, result));
                }
            }
            Ok(())
        };
        thread::scope(|scope| {
            let jobs: Vec<_> = (0..self.jobs).map(|_| scope.spawn(work)).collect();
            jobs.into_iter().try_for_each(|job| {
                job.join().map_err(|_| io::Error::other("a thread of the campaign panicked"))?
            })
        })?;
        let mut results = results.into_inner().unwrap_or_default();
        results.sort_by_key(|(index, _)| *index);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }

    fn run_target(&self, index: usize, duration: Duration) -> io::Result<TargetResult> {
        let target = self.targets[index];
        let folder = working_folder()?;
        let stored = self.findings.join(target.name);
        let mut depths = [0; Depth::ALL.len()];
        let mut findings = Findings::default();
        let started = Instant::now();
        let mut workers = 0;
        loop {
            let remaining = duration.saturating_sub(started.elapsed());
            if remaining.is_zero() {
                break;
            }
            // Workers of all targets and restarts have different seeds.
            let seed =
                self.seed.wrapping_mul(0x9e37_79b9).wrapping_add((index as u64) << 32) + workers;
            let arguments = [
                "work".to_owned(),
                target.name.to_owned(),
                folder.path().to_string_lossy().into_owned(),
                seed.to_string(),
                remaining.as_millis().to_string(),
            ];
            let ending = supervise(&arguments, folder.path())?;
            for (total, more) in depths.iter_mut().zip(ending.depths) {
                *total += more;
            }
            if ending.died {
                depths[Depth::Rejected as usize] += 1;
            }
            for found in ending.found {
                findings.add(&stored, found)?;
            }
            workers += 1;
        }
        let seconds = started.elapsed().as_secs_f64();
        let findings = findings.confirm(target, folder.path())?;
        Ok(TargetResult { target: target.name, depths, seconds, findings })
    }
}

/// Reads each stored input once, in a process of its own, and returns a line per input with a
/// fault. `root` has a folder per target, which has a file or folder per input.
///
/// # Errors
///
/// When a folder can't be read, a process can't be started, or `root` has a folder for an unknown
/// target.
pub fn replay(root: &Path, targets: &[&Target]) -> io::Result<Vec<String>> {
    let folder = working_folder()?;
    let mut faults = Vec::new();
    for target in targets {
        let stored = root.join(target.name);
        if !stored.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&stored)? {
            let input = entry?.path();
            let arguments = once_arguments(target, &input, folder.path());
            let ending = supervise(&arguments, folder.path())?;
            let name =
                format!("{}/{}", target.name, input.file_name().unwrap_or_default().display());
            faults.extend(
                ending
                    .found
                    .iter()
                    .map(|found| format!("{name}: {}: {}", found.fault, found.message)),
            );
        }
    }
    Ok(faults)
}

/// Creates a folder in memory, where the system has one, for files that are written thousands of
/// times per second.
fn working_folder() -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("mtpt-fuzz-");
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir())
}
