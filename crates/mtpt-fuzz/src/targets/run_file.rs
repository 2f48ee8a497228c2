use std::path::Path;

use mtpt::RunFile;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::{first_text, is_toml};

/// Run files: the settings of a run and of its stages, and the tasks.
pub(super) const TARGET: Target = Target { name: "run_file", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let Some((path, text)) = first_text(folder) else { return Outcome::not_readable() };
    match RunFile::parse(&text, &path) {
        Ok(run) => Outcome::accepted(format!("{:?}", run.config.first_stage())),
        Err(error) => Outcome::failed(is_toml(&text), &error),
    }
}
