use std::path::Path;

use mtpt::device;
use mtpt::infer::{ArrayComposition, Prompts};
use mtpt::io::t5x::Checkpoint;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::tensors::read_all;

/// T5X checkpoints: MessagePack with arrays, and Zarr folders with further ones.
pub(super) const TARGET: Target = Target {
    name: "t5x_arrays",
    fixtures: &[
        "mtpt-io/tests/fixtures/t5x/kinds",
        "mtpt-io/tests/fixtures/t5x/multitask",
        "mtpt-io/tests/fixtures/t5x/prompt",
    ],
    read,
    repair: None,
};

fn read(folder: &Path) -> Outcome {
    let checkpoint = match Checkpoint::open(folder) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return Outcome::rejected(&error),
    };
    let arrays = match read_all(&checkpoint) {
        Ok(arrays) => arrays,
        Err(error) => return Outcome::parsed(&error),
    };
    let device = device("flex").unwrap_or_default();
    let read = Prompts::read(folder, &device)
        .or_else(|_| Prompts::read_arrays(folder, ArrayComposition::Add, &device));
    match read {
        Ok(_) => Outcome::accepted("prompts"),
        // A model, or other arrays, all of which were read.
        Err(error) => Outcome::accepted(format!("{arrays} arrays: {error}")),
    }
}
