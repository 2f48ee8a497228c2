use std::fs;
use std::path::Path;

use mtpt_cli::readers::read_journal;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;

/// Journals of interrupted jobs of `predict`, `generate` and `score`.
pub(super) const TARGET: Target = Target { name: "journal", fixtures: &[], read, repair: None };

/// The settings of the job.
const SETTINGS: &str = r#"{"command": "predict", "model": "model", "batch_size": 8}"#;

/// Reads a copy of the journal, from which a part of a line is removed.
fn read(folder: &Path) -> Outcome {
    let copy = folder.with_extension("continued");
    let output = copy.join("answers.jsonl");
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    let prepared =
        fs::create_dir_all(&copy).and_then(|()| fs::copy(path, copy.join("answers.jsonl.partial")));
    if let Err(error) = prepared {
        return Outcome::rejected(&error);
    }
    match read_journal(&output, SETTINGS) {
        Ok(rows) => Outcome::accepted(format!("2^{} rows", (rows + 1).ilog2())),
        Err(error) => {
            let is_damage = error.to_string().contains("found something else");
            Outcome::failed(!is_damage, &*error)
        }
    }
}
