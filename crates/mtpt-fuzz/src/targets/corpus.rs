use std::path::Path;

use mtpt::tasks::corpus::DocumentFormat;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;

/// Documents of a corpus for pretraining: lines of text, or JSON Lines.
pub(super) const TARGET: Target = Target { name: "corpus", fixtures: &[], read, repair: None };

fn read(folder: &Path) -> Outcome {
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    let documents = match DocumentFormat::of(&path).open(&path, None) {
        Ok(documents) => documents,
        Err(error) => return Outcome::rejected(&error),
    };
    let mut count = 0_u32;
    for document in documents {
        match document {
            Ok((text, _)) => count += u32::from(!text.is_empty()),
            Err(error) => return Outcome::failed(count > 0, &error),
        }
    }
    Outcome::accepted(format!("2^{} documents", (count + 1).ilog2()))
}
