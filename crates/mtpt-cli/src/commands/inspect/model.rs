use std::fmt::Write;
use std::path::Path;

use mtpt::burn::module::Module;
use mtpt::t5::{T5, T5Config, T5Tokenizer, locate};
use serde::Serialize;

use crate::commands::inspect::description::Description;
use crate::error::Result;
use crate::model::open_device;
use crate::number_format::thousands;
use crate::stdio::message;

#[derive(Serialize)]
struct Json<'a> {
    kind: &'static str,
    config: &'a T5Config,
    parameters: usize,
    /// Vocabulary size of the tokenizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokenizer_size: Option<usize>,
}

pub(crate) fn describe(path: &Path) -> Result<Description> {
    // Loading the weights shows that the model is usable.
    let folder = locate(path)?;
    let model = T5::load(&folder, &open_device("auto")?)?;
    let (config, parameters) = (model.config(), model.num_params());
    let tokenizer = T5Tokenizer::load(&folder, config);
    let mut text =
        format!("{}: T5 model with {} parameters\n", path.display(), thousands(parameters));
    if let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(config) {
        for (name, value) in fields {
            let _ = writeln!(text, "  {name:32} {value}");
        }
    }
    match &tokenizer {
        Ok(tokenizer) => {
            let _ = writeln!(text, "tokenizer with {} tokens", thousands(tokenizer.vocab_size()));
            warn_of_end(tokenizer, config);
        }
        Err(error) => {
            let _ = writeln!(text, "no tokenizer: {error}");
        }
    }
    let tokenizer_size = tokenizer.ok().map(|tokenizer| tokenizer.vocab_size());
    Description::new(path, &Json { kind: "model", config, parameters, tokenizer_size }, text)
}

/// Reports texts that don't end with the token that ends generation.
fn warn_of_end(tokenizer: &T5Tokenizer, config: &T5Config) {
    let Some(found) = tokenizer.end_id().filter(|id| *id != config.eos_token_id) else { return };
    let (token, expected) = (tokenizer.token(found).unwrap_or_default(), config.eos_token_id);
    message(&format!(
        "warning: the tokenizer ends texts with `{token}`, id {found}, but `eos_token_id` of the \
         model is {expected}: one of them belongs to another model"
    ));
}
