use std::path::Path;

use mtpt::device;
use mtpt::io::t5x::Checkpoint;
use mtpt::t5::T5;

use crate::outcome::Outcome;
use crate::targets::Target;

/// T5X checkpoints with a model.
pub(super) const TARGET: Target = Target {
    name: "t5x_model",
    fixtures: &["mtpt-t5/tests/fixtures/t5x/bf16_scanned"],
    read,
    repair: None,
};

fn read(folder: &Path) -> Outcome {
    match T5::load(folder, &device("flex").unwrap_or_default()) {
        Ok(_) => Outcome::accepted("model"),
        Err(error) => Outcome::failed(Checkpoint::open(folder).is_ok(), &error),
    }
}
