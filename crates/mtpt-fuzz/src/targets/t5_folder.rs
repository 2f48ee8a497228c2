use std::path::Path;

use mtpt::burn::tensor::{Bool, Int, Tensor};
use mtpt::device;
use mtpt::io::fs::read_dir;
use mtpt::t5::{GenerationConfig, T5, max_input_length};

use crate::outcome::Outcome;
use crate::targets::Target;
use crate::targets::files::is_json_object;

/// Folders of transformers: `config.json`, and weights in one file, in several with an index, or in
/// a pickle.
pub(super) const TARGET: Target = Target {
    name: "t5_folder",
    fixtures: &[
        "mtpt-cli/tests/fixtures/data_files/answers",
        "mtpt-t5/tests/fixtures/bf16",
        "mtpt-t5/tests/fixtures/family/byt5",
        "mtpt-t5/tests/fixtures/family/longt5_global",
        "mtpt-t5/tests/fixtures/family/longt5_local",
        "mtpt-t5/tests/fixtures/family/mt5",
        "mtpt-t5/tests/fixtures/family/umt5",
        "mtpt-t5/tests/fixtures/sharded",
        "mtpt-t5/tests/fixtures/sharded_bin",
    ],
    read,
    repair: None,
};

fn read(folder: &Path) -> Outcome {
    let _ = max_input_length(folder);
    let device = device("flex").unwrap_or_default();
    match T5::load(folder, &device) {
        Ok(model) => {
            // A token of output computes every layer once.
            let ids = Tensor::<2, Int>::zeros([1, 1], &device);
            let mask = Tensor::<2, Bool>::full([1, 1], true, &device);
            let config = GenerationConfig { max_new_tokens: 1, ..Default::default() };
            match model.generate(ids, mask, &config) {
                Ok(_) => Outcome::accepted(format!("{:?}", model.config().family)),
                Err(error) => Outcome::parsed(&error),
            }
        }
        Err(error) => {
            let files = read_dir(folder).unwrap_or_default();
            let is_config = is_json_object(&folder.join("config.json"));
            let is_open = files.iter().any(|path| {
                path.extension().is_some_and(|it| it != "json") && mtpt::io::open(path).is_ok()
            });
            Outcome::failed(is_config && is_open, &error)
        }
    }
}
