//! The command `mtpt`, as a library for its program and for the fuzzer of its readers.

mod args;
mod commands;
mod config;
mod config_kind;
mod destination;
mod error;
mod extension;
mod fields;
mod generation_settings;
mod input;
mod input_limit;
mod json_line;
mod learning_rates;
mod lossy_path;
mod model;
mod model_search;
mod number_format;
mod output;
mod pipeline_job;
mod printable;
mod progress;
mod prompted_model;
mod prompts;
pub mod readers;
mod report;
mod results;
mod rows;
mod run_files;
mod session;
mod setting_advice;
mod setting_keys;
mod shell_word;
mod signals;
mod stdio;
mod stop_strings;
mod sweep;
mod text_table;
mod usage;

use std::io::ErrorKind;
use std::process::ExitCode;

use rayon::ThreadPoolBuilder;

use crate::args::Command;
use crate::error::{Error, advice};

/// Runs the command with the arguments of this process.
pub fn run() -> ExitCode {
    signals::turn_size_limit_signals_into_errors();
    let arguments = usage::parse_arguments();
    if let Some(threads) = arguments.threads {
        // The pool can't exist yet, so this can't fail.
        let _ = ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
    let outcome = match &arguments.command {
        None => commands::overview::run(),
        Some(Command::Init(arguments)) => commands::init::run(arguments),
        Some(Command::Train(arguments)) => commands::train::run(arguments),
        Some(Command::Adapt(arguments)) => commands::adapt::run(arguments),
        Some(Command::Pretrain(arguments)) => commands::pretrain::run(arguments),
        Some(Command::Eval(arguments)) => commands::eval::run(arguments),
        Some(Command::Predict(arguments)) => commands::predict::run(arguments),
        Some(Command::Generate(arguments)) => commands::generate::run(arguments),
        Some(Command::Score(arguments)) => commands::score::run(arguments),
        Some(Command::Inspect(arguments)) => commands::inspect::run(arguments),
        Some(Command::Report(arguments)) => commands::report::run(arguments),
        Some(Command::Import(arguments)) => commands::import::run(arguments),
        Some(Command::Export(arguments)) => commands::export::run(arguments),
        Some(Command::Devices) => commands::devices::run(),
        Some(Command::Completions(arguments)) => commands::completions::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of a pipe closed it because it has read enough. That is not a failure.
        Err(Error::Output(source)) if source.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        // Not a failure either, but a caller must know that the run isn't finished.
        Err(
            interrupted @ (Error::Interrupted { code, .. } | Error::InterruptedJob { code, .. }),
        ) => {
            stdio::message(&interrupted.to_string());
            ExitCode::from(code)
        }
        Err(error) => {
            stdio::error(&error, advice::for_error(&error));
            ExitCode::FAILURE
        }
    }
}
