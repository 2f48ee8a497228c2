use std::path::Path;

use mtpt::device;
use mtpt::infer::{PromptFile, PromptFormat, Prompts};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::first_file;

/// Prompt files: the header in the metadata of a safetensors file, and its tensors.
pub(super) const TARGET: Target = Target {
    name: "prompts",
    fixtures: &[
        "mtpt-cli/tests/fixtures/version_0_1/add.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/attention.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/concat.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/concat_features.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/gated.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/hierarchy.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/instance_attention.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/low_rank.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/project.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/separate.safetensors",
        "mtpt-cli/tests/fixtures/version_0_1/weighted.safetensors",
        "mtpt-infer/tests/fixtures/peft_decoder_exports/prompts.safetensors",
    ],
    read,
    repair: None,
};

fn read(folder: &Path) -> Outcome {
    let Some(path) = first_file(folder) else { return Outcome::not_readable() };
    if let Err(error) = PromptFile::read(&path) {
        return Outcome::rejected(&error);
    }
    let device = match device("flex") {
        Ok(device) => device,
        Err(error) => return Outcome::rejected(&error),
    };
    match Prompts::read(&path, &device) {
        Err(error) => Outcome::parsed(&error),
        Ok(prompts) => {
            // What `mtpt export` computes.
            let arrays = PromptFormat::Npy.files(&prompts, None, Path::new("arrays"));
            let exported = arrays.map_or_else(|error| error.to_string(), |_| "arrays".to_owned());
            Outcome::accepted(format!("{} tasks, {exported}", prompts.tasks().len()))
        }
    }
}
