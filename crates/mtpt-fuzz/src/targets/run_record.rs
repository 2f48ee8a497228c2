use std::path::Path;

use mtpt_cli::readers::read_run_record;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::is_json_object;

/// The record of a run, `run.json`.
pub(super) const TARGET: Target = Target { name: "run_record", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let is_json = is_json_object(&folder.join("run.json"));
    match read_run_record(folder) {
        Err(error) => Outcome::failed(is_json, &*error),
        // A malformed record counts as none.
        Ok(0) if !is_json => Outcome::not_readable(),
        Ok(sessions) => Outcome::accepted(format!("2^{} sessions", (sessions + 1).ilog2())),
    }
}
