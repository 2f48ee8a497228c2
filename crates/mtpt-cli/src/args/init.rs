use std::path::PathBuf;

use clap::Args;
use mtpt::tasks::Encoding;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// CSV, TSV or JSON file with a text and a label in each row; each file becomes a task
    #[arg(value_name = "FILE", required = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Hugging Face model folder or one step of a T5X checkpoint; with the feature `hub` also a hub
    /// id
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Text column; repeat to combine several columns, in this order [default: the column with the
    /// longest texts]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) text: Vec<String>,
    /// Label column [default: a column with a usual name, or with few distinct values]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,
    /// File with validation rows, in the same format [default: a fifth of the rows of FILE]
    #[arg(long, value_name = "FILE")]
    pub(crate) dev: Option<PathBuf>,
    /// Encoding of the files, such as `windows-1252` [default: by the byte order mark, otherwise
    /// UTF-8]
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<Encoding>,
    /// Configuration file to write [default: the name of the first FILE with `.toml`]
    #[arg(long, value_name = "CONFIG.toml")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite an existing configuration
    #[arg(long)]
    pub(crate) force: bool,
}
