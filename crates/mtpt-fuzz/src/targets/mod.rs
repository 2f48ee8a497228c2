//! Targets: one per reader of untrusted files.
//!
//! A target opens the files of a folder as a command does. Its depth is derived from the typed
//! error, or from the success of the parser's first check.

mod arrays;
mod compressed_table;
mod corpus;
mod files;
mod generation_config;
mod journal;
mod labels;
mod metrics;
mod npy;
mod parquet;
mod peft;
mod pretraining_file;
mod prompts;
mod pytorch;
mod resume;
mod run_file;
mod run_folder;
mod run_record;
mod sentence_piece;
mod settings;
mod stdin_rows;
mod t5_folder;
mod t5x_arrays;
mod t5x_model;
mod table;
mod task_file;
mod template;
mod tensors;
mod tokenized_texts;
mod tokenizer_folder;
mod tokenizer_json;

use std::io;
use std::path::{Path, PathBuf};

use crate::input::Input;
use crate::outcome::Outcome;

/// A reader of untrusted files.
#[derive(Debug)]
pub struct Target {
    /// Name, also of its folder in `corpus` and `regressions`.
    pub name: &'static str,
    /// Paths of files and folders of other crates that are seeds, in addition to those in `corpus`.
    pub fixtures: &'static [&'static str],
    /// Reads the files of a folder.
    pub read: fn(&Path) -> Outcome,
    /// Makes a mutated input consistent, such as its checksums.
    pub repair: Option<fn(&mut Input)>,
}

/// All targets.
pub const TARGETS: [Target; 28] = [
    prompts::TARGET,
    npy::TARGET,
    arrays::TARGET,
    peft::TARGET,
    pytorch::TARGET,
    t5x_arrays::TARGET,
    t5x_model::TARGET,
    t5_folder::TARGET,
    tokenizer_json::TARGET,
    tokenizer_folder::TARGET,
    sentence_piece::TARGET,
    generation_config::TARGET,
    table::TARGET,
    stdin_rows::TARGET,
    compressed_table::TARGET,
    parquet::TARGET,
    corpus::TARGET,
    task_file::TARGET,
    run_file::TARGET,
    pretraining_file::TARGET,
    template::TARGET,
    labels::TARGET,
    metrics::TARGET,
    run_folder::TARGET,
    resume::TARGET,
    run_record::TARGET,
    settings::TARGET,
    journal::TARGET,
];

/// Returns the target with a name.
pub fn find_target(name: &str) -> Option<&'static Target> {
    static ALL: [Target; TARGETS.len()] = TARGETS;
    ALL.iter().find(|target| target.name == name)
}

impl Target {
    /// Reads the seeds.
    ///
    /// # Errors
    ///
    /// When a file can't be read, or there is no seed.
    pub fn seeds(&self) -> io::Result<Vec<Input>> {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let own = crates.join("mtpt-fuzz/corpus").join(self.name);
        let mut paths: Vec<PathBuf> = self.fixtures.iter().map(|path| crates.join(path)).collect();
        if own.is_dir() {
            for entry in own.read_dir()? {
                paths.push(entry?.path());
            }
        }
        // The order of folder entries differs between file systems.
        paths.sort();
        if paths.is_empty() {
            return Err(io::Error::other(format!("`{}` has no seeds", own.display())));
        }
        paths.iter().map(|path| Input::read(path)).collect()
    }
}
