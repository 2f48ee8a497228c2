//! This project's side of the bench against PEFT: see `README.md` beside this file; `run.py` is what starts it.
//!
//! ```text
//! peers prepare --data FOLDER --tokenizer FOLDER --output FOLDER
//! peers WORK --folder FOLDER --rows FILE
//! ```
//!
//! A work is one of those of `worker_peft.py`, and is asked in the same way: a line of standard input is answered by a line of
//! JSON.

mod operations;
mod rows;
mod work;

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use serde_json::{Value, json};

use crate::rows::Row;
use crate::work::Work;

/// Tensors come and go by the megabyte: an allocator that keeps their pages spares the system's zeroing them each time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// This project's side of the bench against PEFT.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the rows of all works as tokens
    Prepare {
        /// Folder with `glue/` and `text/`
        #[arg(long)]
        data: PathBuf,
        /// Folder with `tokenizer.json`
        #[arg(long)]
        tokenizer: PathBuf,
        /// Folder for the files
        #[arg(long)]
        output: PathBuf,
        /// Batches of 32 rows that a repetition of `mixture` learns from
        #[arg(long, default_value_t = 4)]
        batches: usize,
        /// Most rows of each task that are evaluated [default: all]
        #[arg(long)]
        dev_rows: Option<usize>,
    },
    /// Steps on rows of one length
    Steps(Files),
    /// Steps on rows of eight tasks
    Mixture(Files),
    /// Labels of all rows to develop on
    Evaluation(Files),
    /// Greedy texts
    Generation(Files),
    /// The product that most of a step's time goes to, alone
    Limit(Files),
    /// One text, from the start of the process to its label
    Cold(Files),
}

#[derive(clap::Args)]
struct Files {
    /// Folder with `model/` and `adapter/`
    #[arg(long)]
    folder: PathBuf,
    /// The work's rows
    #[arg(long)]
    rows: PathBuf,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Prepare { data, tokenizer, output, batches, dev_rows } => {
            rows::prepare(&data, &tokenizer, &output, batches, dev_rows)
        }
        Command::Cold(files) => answer(&work::cold(&files.folder, &files.rows)?),
        Command::Steps(files) | Command::Mixture(files) => {
            serve(&mut work::Learning::load(&files.folder, rows::read(&files.rows)?)?)
        }
        Command::Evaluation(files) => {
            serve(&mut work::Evaluating::load(&files.folder, rows::read(&files.rows)?)?)
        }
        Command::Generation(files) => {
            let rows: Vec<Row> = rows::read(&files.rows)?;
            serve(&mut work::Generating::load(&files.folder, &rows)?)
        }
        Command::Limit(files) => serve(&mut work::Multiplying::load(&files.folder)?),
    }
}

/// Answers lines until there are no more.
fn serve(work: &mut dyn Work) -> Result<()> {
    answer(&json!({ "ready": true, "operations": work.operations() }))?;
    for line in std::io::stdin().lock().lines() {
        let begun = Instant::now();
        let mut value = match line?.trim() {
            "warm" => work.warm()?,
            "go" => work.go()?,
            "check" => work.check()?,
            other => {
                return Err(format!("expected `warm`, `go` or `check`, found `{other}`").into());
            }
        };
        value["seconds"] = begun.elapsed().as_secs_f64().into();
        value["peak_kib"] = peak_kib().into();
        answer(&value)?;
    }
    Ok(())
}

/// Most memory that this process has had, in KiB, where the system tells it.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn answer(value: &Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    Ok(output.flush()?)
}
