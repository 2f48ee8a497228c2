use std::fmt::Write;
use std::path::Path;

use mtpt::burn::module::Module;
use mtpt::t5::{T5, T5Config, T5Tokenizer, locate};
use serde::Serialize;

use super::{Report, thousands};
use crate::device;
use crate::error::Result;

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    config: &'a T5Config,
    parameters: usize,
    /// Ids that the tokenizer may give.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokenizer_size: Option<usize>,
}

pub(super) fn folder(path: &Path) -> Result<Report> {
    // Loaded whole: only so it is known that it can be used.
    let folder = locate(path)?;
    let model = T5::load(&folder, &device::open("auto")?)?;
    let (config, parameters) = (model.config(), model.num_params());
    let tokenizer = T5Tokenizer::load(&folder, config).map(|tokenizer| tokenizer.vocab_size());
    let mut text = format!("{}: a T5 of {} parameters\n", path.display(), thousands(parameters));
    if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(config) {
        for (name, value) in fields {
            let _ = writeln!(text, "  {name:32} {value}");
        }
    }
    match &tokenizer {
        Ok(size) => {
            let _ = writeln!(text, "tokenizer of {} ids", thousands(*size));
        }
        Err(error) => {
            let _ = writeln!(text, "no tokenizer: {error}");
        }
    }
    let tokenizer_size = tokenizer.ok();
    Report::new(path, &Json { kind: "model", config, parameters, tokenizer_size }, text)
}
