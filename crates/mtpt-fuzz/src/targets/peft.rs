use std::path::Path;

use mtpt::device;
use mtpt::infer::Prompts;

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::is_json_object;

/// Folders of PEFT adapters, with safetensors or pickles.
pub(super) const TARGET: Target = Target {
    name: "peft",
    fixtures: &[
        "mtpt-infer/tests/fixtures/peft/multitask_rank_1",
        "mtpt-infer/tests/fixtures/peft/multitask_rank_2_bf16",
        "mtpt-infer/tests/fixtures/peft/multitask_rank_2_pickled",
        "mtpt-infer/tests/fixtures/peft/plain",
        "mtpt-infer/tests/fixtures/peft/with_decoder",
        "mtpt-infer/tests/fixtures/peft_decoder_exports/all",
        "mtpt-infer/tests/fixtures/peft_decoder_exports/wet",
    ],
    read,
    repair: None,
};

/// Names of the weights.
const WEIGHTS: [&str; 2] = ["adapter_model.safetensors", "adapter_model.bin"];

fn read(folder: &Path) -> Outcome {
    match Prompts::read(folder, &device("flex").unwrap_or_default()) {
        Ok(prompts) => Outcome::accepted(format!("{} tasks", prompts.tasks().len())),
        Err(error) => {
            let mut weights = WEIGHTS.iter().map(|name| folder.join(name));
            let is_open = weights.any(|path| path.exists() && mtpt::io::open(&path).is_ok());
            Outcome::failed(is_open && is_json_object(&folder.join("adapter_config.json")), &error)
        }
    }
}
