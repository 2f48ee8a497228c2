//! Compares prompt tuning with simple baselines by the number of training rows, and writes the
//! table of `docs/src/when-prompt-tuning-pays-off.md`.
//!
//! ```text
//! cargo run --release --example data_sizes -- --data ../shared/data
//! ```
//!
//! Each run has a folder in `target/data_sizes` with its run file. Finished runs are not repeated
//! when the program is restarted.

mod measure;
mod table;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use mtpt_examples::terminal::finish;
use mtpt_examples::{Result, written_table};

use crate::measure::{Measurement, Setting};

/// Accuracy by the number of training rows, for baselines and for trained prompts.
#[derive(Parser)]
struct Arguments {
    /// Folder with `glue/SST-2` and `text/`
    #[arg(long)]
    data: PathBuf,
    /// Folder of a T5 in Hugging Face format [default: the one in this repository]
    #[arg(long)]
    model: Option<PathBuf>,
    /// Folder of the runs
    #[arg(long, default_value = "target/data_sizes")]
    work: PathBuf,
    /// File whose table is replaced; the text around the table stays
    #[arg(long, default_value = "docs/src/when-prompt-tuning-pays-off.md")]
    output: PathBuf,
    /// Numbers of training rows per task
    #[arg(long, num_args = 1.., default_values_t = [100, 300, 1_000], value_parser = at_least_1())]
    rows: Vec<usize>,
    /// Compositions to train
    #[arg(long, num_args = 1.., default_values = ["separate", "low_rank"])]
    strategies: Vec<String>,
    /// Seeds of the sampled rows, the initial values and the example order
    #[arg(long, num_args = 1.., default_values_t = [0, 1])]
    seeds: Vec<u64>,
    /// Training steps of 16 examples, over all tasks
    #[arg(long, default_value_t = 400, value_parser = at_least_1())]
    steps: usize,
    /// Maximum number of test rows per task
    #[arg(long, default_value_t = 400, value_parser = at_least_1())]
    test_rows: usize,
    /// Train nothing, and write the table from finished runs
    #[arg(long)]
    table: bool,
}

fn at_least_1() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { data, work, steps, test_rows, .. } = arguments;
    let model = arguments.model.as_deref();
    let setting = Setting::load(model, data, work, [*steps, *test_rows])?;
    let mut measurements: Vec<Measurement> = Vec::new();
    for &rows in &arguments.rows {
        for &seed in &arguments.seeds {
            measurements.extend(setting.baselines(rows, seed)?);
            for strategy in &arguments.strategies {
                let run = setting.run(rows, seed, strategy)?;
                if !arguments.table {
                    run.finish(&setting)?;
                }
                measurements.extend(run.measurement()?);
            }
        }
    }
    let table = table::markdown(&setting, &measurements);
    written_table::write(&arguments.output, "data_sizes", &table)?;
    let mut output = std::io::stdout().lock();
    Ok(writeln!(output, "{table}")?)
}
