use std::path::Path;

use mtpt::io::{PytorchFile, TensorError};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;
use crate::targets::tensors::read_all;

/// PyTorch checkpoints: a pickle, alone or in a zip file.
pub(super) const TARGET: Target = Target {
    name: "pytorch",
    fixtures: &[
        "mtpt-infer/tests/fixtures/peft/multitask_rank_2_pickled/adapter_model.bin",
        "mtpt-t5/tests/fixtures/checkpoints/before_1_6.bin",
        "mtpt-t5/tests/fixtures/checkpoints/empty.ckpt",
        "mtpt-t5/tests/fixtures/checkpoints/f64.bin",
        "mtpt-t5/tests/fixtures/checkpoints/fp8.bin",
        "mtpt-t5/tests/fixtures/checkpoints/lightning.ckpt",
        "mtpt-t5/tests/fixtures/checkpoints/nested.pt",
    ],
    read,
    repair: None,
};

fn read(folder: &Path) -> Outcome {
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    let file = match PytorchFile::open(&path) {
        Ok(file) => file,
        Err(error @ (TensorError::Pytorch { .. } | TensorError::Foreign { .. })) => {
            return Outcome::rejected(&error);
        }
        Err(error) => return Outcome::parsed(&error),
    };
    if let Err(error) = PytorchFile::open_dictionary(&path) {
        return Outcome::parsed(&error);
    }
    match read_all(&file) {
        Ok(tensors) => Outcome::accepted(format!("{tensors} tensors")),
        Err(error) => Outcome::parsed(&error),
    }
}
