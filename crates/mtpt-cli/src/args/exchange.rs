use std::path::PathBuf;

use clap::Args;

use crate::args::values::{Format, Strategy};

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Format of the prompts to convert [default: detected]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// File or folder with the prompts
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Prompt file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// How the arrays in a folder are composed [default: read from the folder]
    #[arg(long, value_enum, value_name = "STRATEGY")]
    pub(crate) strategy: Option<Strategy>,
    /// Name of a task; repeat for each task, in order [default: read from the folder, or `task0`,
    /// `task1`, ...]
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Vec<String>,
    /// Tasks with their templates and label words, one for each prompt, in order
    #[arg(long, value_name = "CONFIG.toml", conflicts_with = "task")]
    pub(crate) tasks: Option<PathBuf>,
    /// Drop an adapter's vectors for the decoder, as PEFT's `generate` does
    #[arg(long)]
    pub(crate) no_decoder_prompt: bool,
    /// Model the prompts were trained for; its width is checked and its name is recorded
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Format to write [default: `npy` for a name that ends in `.npy`, otherwise `peft`]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Run folder, prompt file, or prompts in another format
    #[arg(long, value_name = "PATH")]
    pub(crate) prompts: PathBuf,
    /// Folder or file to write
    #[arg(long, value_name = "PATH")]
    pub(crate) output: PathBuf,
    /// Export only the composed prompt of this task [default: all tasks]
    #[arg(long, value_name = "NAME")]
    pub(crate) task: Option<String>,
    /// Overwrite existing files
    #[arg(long)]
    pub(crate) force: bool,
}
