//! Options of the commands that answer rows: their input and output.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mtpt::tasks::{Encoding, Format};

use crate::args::values::data_format;

#[derive(Debug, Args)]
pub(crate) struct RowArgs {
    /// Input rows as CSV, TSV, JSON or Parquet, plain or compressed with gzip or zstd; `-` is
    /// standard input [default: standard input]
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Format of the input rows, such as `csv`, `tsv` or `json_lines` [default: detected]
    #[arg(long, value_name = "FORMAT", value_parser = data_format)]
    pub(crate) input_format: Option<Format>,
    /// Encoding of the input rows, such as `windows-1252` [default: by the byte order mark,
    /// otherwise UTF-8]
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<Encoding>,
    /// File for the answers, next to the columns of their rows: `.jsonl`, `.json`, `.csv`, `.tsv`
    /// or `.parquet` [default: JSON Lines on standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Continue an interrupted job with the same rows and options
    #[arg(long, requires = "output")]
    pub(crate) resume: bool,
    /// Overwrite existing output files
    #[arg(long, conflicts_with = "resume")]
    pub(crate) force: bool,
    /// Add the columns of each row to its answer on standard output
    #[arg(long, conflicts_with = "output")]
    pub(crate) keep_columns: bool,
    /// Treatment of rows that can't be answered
    #[arg(long, value_enum, value_name = "MODE", default_value = "stop")]
    pub(crate) on_error: OnError,
    /// File for rows that `--on-error skip` rejects, as JSON Lines [default: the name of `--output`
    /// with `.rejected.jsonl`]
    #[arg(long, value_name = "FILE")]
    pub(crate) rejected: Option<PathBuf>,
}

/// Treatment of rows that can't be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnError {
    /// End the command after the rows before it
    Stop,
    /// Omit its answer and report it
    Skip,
    /// Answer it with an object that has the field `error`
    Report,
}
