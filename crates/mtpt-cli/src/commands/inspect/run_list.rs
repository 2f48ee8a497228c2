use std::path::Path;

use serde::Serialize;

use crate::commands::inspect::description::Description;
use crate::error::Result;
use crate::number_format::counted;
use crate::run_files::existing_run::{progress, runs_below};
use crate::text_table::{common_width, padded};

#[derive(Serialize)]
struct Json {
    kind: &'static str,
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct Run {
    run: String,
    /// Steps, score and time of its end.
    progress: String,
}

/// Lists the runs below a folder that is none itself.
pub(super) fn describe(path: &Path) -> Result<Description> {
    let runs = runs_below(path).into_iter().map(|run| {
        let run = path.join(run);
        Run { progress: progress(&run), run: run.display().to_string() }
    });
    let runs: Vec<Run> = runs.collect();
    let mut text = format!("{}: {}\n", path.display(), counted(runs.len(), "run"));
    let width = common_width(runs.iter().map(|run| run.run.as_str()));
    for Run { run, progress } in &runs {
        text.push_str(format!("{}  {progress}", padded(run, width)).trim_end());
        text.push('\n');
    }
    text.push_str("`mtpt inspect RUN` shows one of them, ");
    text.push_str(&format!("`mtpt report {}` compares them\n", path.display()));
    Description::new(path, &Json { kind: "runs", runs }, text)
}
