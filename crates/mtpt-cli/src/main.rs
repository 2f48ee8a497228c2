//! The command `mtpt`: see the README of this crate.

mod args;
mod commands;
mod edit;
mod error;
mod model;
mod output;
mod progress;
mod rows;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::error::Error;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.command {
        Command::Train(arguments) => commands::train::run(arguments),
        Command::Pretrain(arguments) => commands::pretrain::run(arguments),
        Command::Eval(arguments) => commands::eval::run(arguments),
        Command::Predict(arguments) => commands::predict::run(arguments),
        Command::Generate(arguments) => commands::generate::run(arguments),
        Command::Score(arguments) => commands::score::run(arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the output has seen enough: that is no failure.
        Err(Error::Output(source)) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            progress::complain(&error);
            ExitCode::FAILURE
        }
    }
}
