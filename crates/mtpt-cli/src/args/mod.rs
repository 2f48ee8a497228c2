//! Command-line arguments.
//!
//! Doc comments of commands, options and values are their help texts.

pub(crate) mod baseline;
pub(crate) mod decoding;
pub(crate) mod device;
pub(crate) mod exchange;
pub(crate) mod inference;
pub(crate) mod init;
pub(crate) mod inspection;
pub(crate) mod rows;
pub(crate) mod training;
pub(crate) mod values;
pub(crate) mod weights;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::args::exchange::{Export, Import};
use crate::args::inference::{Eval, Generate, Predict, Score};
use crate::args::init::Init;
use crate::args::inspection::{Inspect, Report};
use crate::args::training::{Adapt, Run, Train};
use crate::args::values::thread_count;

/// Multitask prompt tuning for T5: one frozen model, many tasks, a small trained prompt for each.
///
/// Commands that take rows read them from standard input and write results to standard output as
/// JSON Lines, in the same order. Messages go to standard error. The exit code is 0 on success, 1
/// after an error, and 2 after wrong usage.
#[derive(Debug, Parser)]
#[command(name = "mtpt", version)]
pub(crate) struct Arguments {
    /// The command; without one, an overview is printed.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Number of CPU threads [default: `RAYON_NUM_THREADS` of the environment, or one per CPU]
    #[arg(long, global = true, value_name = "N", value_parser = thread_count)]
    pub(crate) threads: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented configuration for your own labeled rows.
    #[command(after_help = "Examples:
  mtpt init tickets.csv --model flan-t5-small
  mtpt init reviews.csv tickets.jsonl --model flan-t5-small --label category --output both.toml")]
    Init(Init),
    /// Train the prompts of several tasks jointly.
    #[command(after_help = "Examples:
  mtpt train tasks.toml --set training.steps=500 --output runs/first
  mtpt train tasks.toml --output runs/first --resume           continue an interrupted run
  mtpt train tasks.toml --set training.learning_rate=0.1,0.3   train with each value, and compare

A folder that contains a run is refused without --resume or --force. Runs whose learning rate
doesn't decay to zero can be extended: --resume --set training.steps=1000.")]
    Train(Train),
    /// Adapt trained prompts to new tasks, optionally from few examples.
    #[command(after_help = "Examples:
  mtpt adapt target.toml --prompts runs/sources
  mtpt adapt target.toml --prompts runs/sources --few-shot 4,16,32 --draws 10
  mtpt adapt target.toml --prompts runs/sources --set adaptation.training.learning_rate=0.1,0.3

A folder that contains a run is refused without --resume or --force.")]
    Adapt(Adapt),
    /// Continue training all model weights on raw text and on tasks.
    #[command(after_help = "Examples:
  mtpt pretrain adapt.toml --set training.steps=10000 --output runs/adapted
  mtpt pretrain adapt.toml --set training.learning_rate=0.001,0.003
  mtpt train tasks.toml --set model=runs/adapted/model

A folder that contains a run is refused without --resume or --force.")]
    Pretrain(Run),
    /// Evaluate trained prompts on the dev or test split of tasks.
    #[command(after_help = "Example:
  mtpt eval --prompts runs/first --tasks tasks.toml
  mtpt eval --model t5 --prompts adapter --tasks tasks.toml --split test")]
    Eval(Eval),
    /// Predict a label, or generate text, for each input row.
    #[command(
        mut_arg("prompts", |prompts| prompts.required(true)),
        after_help = "Examples:
  echo '{\"text\": \"where is my parcel?\"}' |
    mtpt predict --prompts runs/first --task tickets
  mtpt predict --prompts runs/tickets --input new.csv.gz --output answers.csv --on-error skip"
    )]
    Predict(Predict),
    /// Generate text for each input row.
    #[command(after_help = "Example:
  echo '{\"input\": \"summarize: ...\"}' | mtpt generate --model t5 --num-beams 4")]
    Generate(Box<Generate>),
    /// Compute the log-probability of target texts.
    #[command(after_help = "Examples:
  echo '{\"input\": \"sst2 sentence: a fine film\", \"target\": \"positive\"}' |
    mtpt score --model t5
  echo '{\"text\": \"where is my parcel?\", \"target\": \"delivery\"}' |
    mtpt score --prompts runs/first --task tickets")]
    Score(Score),
    /// Show the contents of a task file, prompt file, model or run.
    #[command(after_help = "Examples:
  mtpt inspect tasks.toml --model t5
  mtpt inspect runs/first
  mtpt inspect runs/first/prompts.safetensors")]
    Inspect(Inspect),
    /// Write an HTML report of a run, or compare several runs.
    #[command(after_help = "Examples:
  mtpt report runs/first                  # one run: curves, metrics, predictions, prompts
  mtpt report runs                        # compares all runs in a folder, the best first
  mtpt report runs/first runs/second --output both.html")]
    Report(Report),
    /// Convert prompts of another program into a prompt file.
    #[command(after_help = "Examples:
  mtpt import adapter --task reviews --task tickets --output prompts.safetensors
  mtpt import --format npy sst2.npy --tasks sst2.toml --output sst2.safetensors")]
    Import(Import),
    /// Convert prompts into the format of another program.
    #[command(after_help = "Examples:
  mtpt export --format peft --prompts runs/first --output adapter
  mtpt export --format npy --prompts runs/first --task sst2 --output sst2.npy")]
    Export(Export),
    /// List devices and whether each is available.
    #[command(after_help = "Example:
  mtpt devices")]
    Devices,
    /// Generate shell completions.
    #[command(after_help = "Example:
  mtpt completions bash > ~/.local/share/bash-completion/completions/mtpt")]
    Completions(Completions),
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Shell to generate completions for
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
