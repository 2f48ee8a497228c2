use std::fs;
use std::path::Path;

use mtpt::device;
use mtpt::t5::T5;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::is_json_object;

/// `generation_config.json` next to a small model.
pub(super) const TARGET: Target =
    Target { name: "generation_config", fixtures: &[], read, repair: None };

const CONFIG: &[u8] =
    include_bytes!("../../../mtpt-cli/tests/fixtures/data_files/answers/config.json");
const WEIGHTS: &[u8] =
    include_bytes!("../../../mtpt-cli/tests/fixtures/data_files/answers/model.safetensors");

fn read(folder: &Path) -> Outcome {
    for (name, bytes) in [("config.json", CONFIG), ("model.safetensors", WEIGHTS)] {
        let path = folder.join(name);
        if !path.exists()
            && let Err(error) = fs::write(path, bytes)
        {
            return Outcome::rejected(&error);
        }
    }
    let file = folder.join("generation_config.json");
    let model = match T5::load(folder, &device("flex").unwrap_or_default()) {
        Ok(model) => model,
        Err(error) => return Outcome::failed(is_json_object(&file), &error),
    };
    match model.generation_config() {
        Ok(config) => Outcome::accepted(format!("{:?}", config.strategy)),
        Err(error) => Outcome::parsed(&error),
    }
}
