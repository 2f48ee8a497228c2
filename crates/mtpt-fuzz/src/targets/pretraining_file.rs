use std::path::Path;

use mtpt::tasks::corpus::CorpusFile;
use mtpt::train::PretrainingConfig;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::{first_text, is_toml};

/// Configurations of pretraining: the settings and the corpora.
pub(super) const TARGET: Target =
    Target { name: "pretraining_file", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let Some((path, text)) = first_text(folder) else { return Outcome::not_readable() };
    if let Err(error) = PretrainingConfig::parse(&text, &path) {
        return Outcome::failed(is_toml(&text), &error);
    }
    match CorpusFile::parse(&text, &path) {
        Ok(file) => Outcome::accepted(format!("2^{} corpora", (file.corpora().len() + 1).ilog2())),
        Err(error) => Outcome::parsed(&error),
    }
}
