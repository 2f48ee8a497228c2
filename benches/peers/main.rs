//! mtpt's side of the benchmark against PEFT: see `README.md` in this folder. Started by `run.py`.
//!
//! ```text
//! peers prepare --data FOLDER --tokenizer FOLDER --output FOLDER
//! peers WORK --folder FOLDER --rows FILE --device DEVICE
//! ```
//!
//! The works are those of `worker_peft.py`, with the same protocol: each line of standard input is
//! answered with a line of JSON.

mod instructions;
mod operations;
mod rows;
mod work;

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use mtpt::core::WeightFormat;
use serde_json::{Value, json};

use crate::rows::Row;
use crate::work::{Subject, Work};

/// Tensors of megabytes are allocated and freed all the time: an allocator that keeps their pages
/// avoids zeroing them.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// mtpt's side of the benchmark against PEFT.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Hide AVX-512 from the kernels: address of `std_detect::detect::cache::CACHE` by `nm`
    #[arg(long, value_name = "HEX")]
    mask_avx512: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the tokenized data of all works
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
        /// Batches of 32 rows in a repetition of `mixture`
        #[arg(long, default_value_t = 4)]
        batches: usize,
        /// Maximum number of evaluated rows per task [default: all]
        #[arg(long)]
        dev_rows: Option<usize>,
    },
    /// Steps on rows of equal length
    Steps(Files),
    /// Steps on rows of eight tasks
    Mixture(Files),
    /// Labels of all dev rows
    Evaluation(Files),
    /// Greedy decoding
    Generation(Files),
    /// Matrix products of the shapes that dominate the other works
    Limit(Files),
    /// Process start to the label of one text
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
    /// Device that computes
    #[arg(long, default_value = "flex")]
    device: String,
    /// Format of the model's weights
    #[arg(long, default_value_t)]
    weights: WeightFormat,
}

impl Files {
    fn subject(&self) -> Result<Subject> {
        let (folder, device) = (self.folder.clone(), mtpt::device(&self.device)?);
        Ok(Subject { folder, weights: self.weights, device })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before any kernel is selected.
    let masked = arguments.mask_avx512.as_deref().map_or(Ok(()), instructions::mask_avx512);
    match masked.and_then(|()| run(arguments.command)) {
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
        Command::Cold(files) => answer(&work::cold(&files.subject()?, &files.rows)?),
        Command::Steps(files) | Command::Mixture(files) => {
            serve(&mut work::Learning::load(&files.subject()?, rows::read(&files.rows)?)?)
        }
        Command::Evaluation(files) => {
            serve(&mut work::Evaluating::load(&files.subject()?, rows::read(&files.rows)?)?)
        }
        Command::Generation(files) => {
            let rows: Vec<Row> = rows::read(&files.rows)?;
            serve(&mut work::Generating::load(&files.subject()?, &rows)?)
        }
        Command::Limit(files) => serve(&mut work::Multiplying::load(&files.subject()?)?),
    }
}

/// Answers lines until the input ends.
fn serve(work: &mut dyn Work) -> Result<()> {
    let features = instructions::features().join(", ");
    answer(&json!({
        "ready": true,
        "operations": work.operations(),
        "instructions": features,
    }))?;
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

/// Returns the peak memory of this process in KiB, if the system reports it.
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
