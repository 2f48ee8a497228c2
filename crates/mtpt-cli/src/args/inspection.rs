use std::path::PathBuf;

use clap::Args;
use mtpt::tasks::Encoding;

use crate::args::values::ExportedSplit;

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Task file or run configuration (TOML), prompts (also of other programs), model folder, run
    /// folder, safetensors file, or data file
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Model whose tokenizer counts the tokens of tasks [default: the model in the configuration]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Encoding of a data file, such as `windows-1252` [default: by the byte order mark, otherwise
    /// UTF-8]
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<Encoding>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Instead, write the rows of a split of the tasks in a configuration as JSON Lines, with all
    /// columns of the data files
    #[arg(long, value_name = "FILE.jsonl", conflicts_with_all = ["json", "encoding", "model"])]
    pub(crate) export: Option<PathBuf>,
    /// Split to write
    #[arg(long, value_enum, default_value = "dev", requires = "export")]
    pub(crate) split: ExportedSplit,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Run folder, of a run that may still be in progress; or several run folders, or a folder that
    /// contains runs, to compare them
    #[arg(value_name = "RUN", required = true)]
    pub(crate) runs: Vec<PathBuf>,
    /// HTML file to write [default: `report.html` in RUN, or `comparison.html` for several]
    #[arg(long, value_name = "FILE.html")]
    pub(crate) output: Option<PathBuf>,
    /// Model whose token embeddings the prompts are compared with [default: the model of the run]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Overwrite the file even if mtpt did not write it
    #[arg(long)]
    pub(crate) force: bool,
}
