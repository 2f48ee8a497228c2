use std::path::Path;

use mtpt::device;
use mtpt::infer::Prompts;
use mtpt::io::TensorError;
use mtpt::io::npy::read_npy;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;

/// `.npy` and `.npz` files with a prompt.
pub(super) const TARGET: Target = Target {
    name: "npy",
    fixtures: &[
        "mtpt-infer/tests/fixtures/prompt_tuning/integers.npy",
        "mtpt-infer/tests/fixtures/prompt_tuning/prompt.npy",
        "mtpt-infer/tests/fixtures/prompt_tuning/prompt.npz",
        "mtpt-infer/tests/fixtures/prompt_tuning/prompt_big_endian.npy",
        "mtpt-infer/tests/fixtures/prompt_tuning/prompt_f8.npy",
        "mtpt-infer/tests/fixtures/prompt_tuning/prompt_fortran.npy",
    ],
    read,
    repair: None,
};

fn read(folder: &Path) -> Outcome {
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    match read_npy(&path) {
        Err(error @ (TensorError::Npy { .. } | TensorError::Foreign { .. })) => {
            Outcome::rejected(&error)
        }
        Err(error) => Outcome::parsed(&error),
        Ok(data) => match Prompts::read(&path, &device("flex").unwrap_or_default()) {
            Err(error) => Outcome::parsed(&error),
            Ok(_) => Outcome::accepted(format!("{:?}, {} axes", data.dtype(), data.shape().len())),
        },
    }
}
