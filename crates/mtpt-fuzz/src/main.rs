//! The command `mtpt-fuzz`.

#![expect(clippy::print_stdout, reason = "a program prints its results")]

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use mtpt_fuzz::campaign::{Campaign, TargetResult, replay};
use mtpt_fuzz::targets::{TARGETS, Target, find_target};
use mtpt_fuzz::worker::{Worker, execute_once};

/// Reads mutated files with every reader, and reports panics, aborts, hangs and large allocations.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Seconds for all targets together.
    #[arg(long, default_value_t = 120.0)]
    seconds: f64,
    /// Only these targets.
    #[arg(long)]
    target: Vec<String>,
    /// Initial state of the random number generators.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Number of workers at a time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Folder for inputs with faults.
    #[arg(long, default_value = "target/fuzz-findings")]
    findings: PathBuf,
    /// File for the results as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the names of the targets.
    Targets,
    /// Reads stored inputs once: a folder per target with a file or folder per input.
    Replay { folder: PathBuf },
    /// Reads one input with a target and prints what happened.
    Once {
        target: String,
        input: PathBuf,
        /// Folder for a copy of the files.
        #[arg(default_value = "target/fuzz-once")]
        folder: PathBuf,
    },
    /// The worker process of a campaign.
    #[command(hide = true)]
    Work { target: String, folder: PathBuf, seed: u64, milliseconds: u64 },
}

fn main() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    match &arguments.command {
        Some(Command::Targets) => TARGETS.iter().for_each(|target| println!("{}", target.name)),
        Some(Command::Replay { folder }) => {
            let faults = replay(folder, &TARGETS.iter().collect::<Vec<_>>())?;
            faults.iter().for_each(|line| println!("{line}"));
            return Ok(if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Some(Command::Once { target, input, folder }) => {
            execute_once(known_target(target)?, input, folder)?;
        }
        Some(Command::Work { target, folder, seed, milliseconds }) => {
            let duration = Duration::from_millis(*milliseconds);
            Worker { target: known_target(target)?, folder, seed: *seed, duration }.run()?;
        }
        None => return campaign(arguments),
    }
    Ok(ExitCode::SUCCESS)
}

fn known_target(name: &str) -> io::Result<&'static Target> {
    find_target(name).ok_or_else(|| io::Error::other(format!("there is no target `{name}`")))
}

fn campaign(arguments: Arguments) -> io::Result<ExitCode> {
    let targets = match arguments.target.as_slice() {
        [] => TARGETS.iter().collect(),
        names => names.iter().map(|name| known_target(name)).collect::<io::Result<_>>()?,
    };
    let campaign = Campaign {
        targets,
        duration: Duration::from_secs_f64(arguments.seconds),
        seed: arguments.seed,
        jobs: arguments.jobs.max(1),
        findings: arguments.findings,
    };
    println!("{}", row(["target", "executions", "parsed", "accepted", "faults", "per second"]));
    let results = campaign.run(|result| println!("{}", result_row(result)))?;
    let total = |count: fn(&TargetResult) -> u64| results.iter().map(count).sum::<u64>();
    println!(
        "{} executions, {} of them past the first check",
        total(TargetResult::executions),
        total(TargetResult::past_first_check)
    );
    if let Some(path) = arguments.json {
        fs::write(path, serde_json::to_vec_pretty(&results)?)?;
    }
    let findings = results
        .iter()
        .flat_map(|result| result.findings.iter().map(|finding| finding.line(result.target)));
    let findings: Vec<String> = findings.collect();
    findings.iter().for_each(|line| println!("{line}"));
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(cells: [&str; 6]) -> String {
    let [name, numbers @ ..] = cells;
    numbers.iter().fold(format!("{name:<18}"), |row, number| format!("{row} {number:>11}"))
}

fn result_row(result: &TargetResult) -> String {
    let [_, parsed, accepted] = result.depths;
    let numbers = [
        result.executions(),
        parsed,
        accepted,
        result.findings.len() as u64,
        (result.executions() as f64 / result.seconds) as u64,
    ]
    .map(|number| number.to_string());
    let [executions, parsed, accepted, faults, speed] = &numbers;
    row([result.target, executions, parsed, accepted, faults, speed])
}
