use std::path::Path;

use mtpt::RunFile;
use mtpt::device;
use mtpt::infer::Prompts;
use mtpt::io::fs::read_to_string;
use mtpt::tasks::evaluation::{BaselinesRecord, EvaluationRecord};
use mtpt::train::{MetricsLog, RunDir, TensorBoard};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::is_toml;

/// Folders of finished runs: configuration, prompts, logs and results.
pub(super) const TARGET: Target = Target {
    name: "run_folder",
    fixtures: &["mtpt-cli/tests/fixtures/version_0_1/run"],
    read,
    repair: None,
};

/// Step after which the lines of logs are removed.
const STEP: usize = 3;

fn read(folder: &Path) -> Outcome {
    let mut failure = None;
    let mut accepted = 0_u32;
    let mut add = |result: Result<(), Outcome>| match result {
        Ok(()) => accepted += 1,
        Err(outcome)
            if failure.as_ref().is_none_or(|known: &Outcome| known.depth > outcome.depth) =>
        {
            failure = Some(outcome);
        }
        Err(_) => {}
    };
    let Ok(run) = RunDir::create(folder) else { return Outcome::not_readable() };
    if let Ok(text) = read_to_string(&run.config()) {
        let parsed = RunFile::parse(&text, &run.config());
        add(parsed.map(drop).map_err(|error| Outcome::failed(is_toml(&text), &error)));
    }
    let prompts = Prompts::read(folder, &device("flex").unwrap_or_default());
    add(prompts.map(drop).map_err(|error| Outcome::parsed(&error)));
    if let Ok(text) = read_to_string(&run.evaluation()) {
        let parsed = serde_json::from_str::<EvaluationRecord>(&text);
        add(parsed.map(drop).map_err(|error| Outcome::failed(error.is_data(), &error)));
    }
    if let Ok(text) = read_to_string(&run.baselines()) {
        let parsed = serde_json::from_str::<BaselinesRecord>(&text);
        add(parsed.map(drop).map_err(|error| Outcome::failed(error.is_data(), &error)));
    }
    let log = MetricsLog::open(&run.metrics(), STEP);
    add(log.map(drop).map_err(|error| Outcome::parsed(&error)));
    let events = TensorBoard::open(&run.tensorboard(), STEP);
    add(events.map(drop).map_err(|error| Outcome::parsed(&error)));
    failure.unwrap_or_else(|| Outcome::accepted(format!("{accepted} files")))
}
