//! The command `mtpt`: see the README of this crate.

mod advice;
mod args;
mod columns;
mod commands;
mod course;
mod device;
mod edit;
mod error;
mod model;
mod output;
mod overview;
mod parent;
mod progress;
mod rows;
mod same_file;
mod signals;
mod stages_progress;
mod starting_config;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use crate::args::{Arguments, Command};
use crate::error::Error;

/// Tensors come and go by the megabyte: an allocator that keeps their pages spares the system's zeroing them each time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    signals::let_size_limits_be_errors();
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        None => overview::show(),
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
        // Whoever reads the output has seen enough: that is no failure.
        Err(Error::Output(source)) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        // Nothing is lost: no failure either, but whoever waits for the run should know that it is not at its end.
        Err(stopped @ Error::Stopped { code, .. }) => {
            progress::say(&stopped.to_string());
            ExitCode::from(code)
        }
        Err(error) => {
            progress::complain(&error, advice::of(&error));
            ExitCode::FAILURE
        }
    }
}
