use std::path::Path;

use mtpt::device;
use mtpt::infer::{ArrayComposition, Error, Prompts};
use mtpt::io::TensorError;

use crate::outcome::Outcome;
use crate::targets::Target;

/// Folders of NumPy arrays with a shared prompt and task parts.
pub(super) const TARGET: Target = Target {
    name: "arrays",
    fixtures: &[
        "mtpt-infer/tests/fixtures/prompt_tuning/add",
        "mtpt-infer/tests/fixtures/prompt_tuning/checkpoint_20",
        "mtpt-infer/tests/fixtures/prompt_tuning/concat",
        "mtpt-infer/tests/fixtures/prompt_tuning/concat_features",
        "mtpt-infer/tests/fixtures/prompt_tuning/project",
    ],
    read,
    repair: None,
};

const COMPOSITIONS: [ArrayComposition; 4] = [
    ArrayComposition::Add,
    ArrayComposition::Concat,
    ArrayComposition::ConcatFeatures,
    ArrayComposition::Project,
];

fn read(folder: &Path) -> Outcome {
    let device = device("flex").unwrap_or_default();
    let mut accepted = String::new();
    let mut failure = None;
    for composition in COMPOSITIONS {
        match Prompts::read_arrays(folder, composition, &device) {
            Ok(_) => accepted.push_str(&format!("{composition:?} ")),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) if accepted.is_empty() => {
            let is_first_check = matches!(
                error,
                Error::Io(_)
                    | Error::Tensors(TensorError::Npy { .. } | TensorError::Foreign { .. })
            );
            Outcome::failed(!is_first_check, &error)
        }
        _ => Outcome::accepted(accepted),
    }
}
