use std::path::Path;

use mtpt_cli::readers::read_settings;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::is_toml;

/// Settings of a run file as in `--set`, also with several values: a line each in `settings.txt`.
pub(super) const TARGET: Target = Target { name: "settings", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let config = folder.join("run.toml");
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let (Some(text), Some(settings)) = (read(&config), read(&folder.join("settings.txt"))) else {
        return Outcome::not_readable();
    };
    // The arguments of a process contain no zero.
    let lines = settings.lines().filter(|line| !line.contains('\0'));
    let settings: Vec<String> = lines.map(str::to_owned).collect();
    match read_settings(&config, &settings) {
        Ok(runs) => Outcome::accepted(format!("2^{} runs", runs.ilog2())),
        Err(error) => Outcome::failed(is_toml(&text), &*error),
    }
}
