//! The maximum length of inputs that a model's files record.

use std::path::Path;

use crate::weights::config_fields::read_fields;
use crate::weights::file_names::CONFIG_FILE;

/// Maximum length of inputs of a model whose files don't record one, in tokens: that of T5.
pub const DEFAULT_MAX_INPUT_LENGTH: usize = 512;

/// Files and fields with the maximum length. The first that exists and is plausible is used.
const FIELDS: [(&str, &str); 2] =
    [(CONFIG_FILE, "n_positions"), ("tokenizer_config.json", "model_max_length")];

/// Maximum length that is plausible. transformers writes 10³⁰ for an unknown length.
const MAX_PLAUSIBLE: u64 = 1_000_000;

/// Returns the maximum length of inputs of a model in a folder, in tokens: `n_positions` of
/// `config.json`, `model_max_length` of `tokenizer_config.json`, or
/// [`DEFAULT_MAX_INPUT_LENGTH`].
///
/// T5 has no absolute positions, so longer inputs are possible, but it was not trained on them.
pub fn max_input_length(folder: &Path) -> usize {
    let field = |(file, field): (&str, &str)| {
        let length = read_fields(&folder.join(file)).ok()?.get(field)?.as_u64()?;
        (1..=MAX_PLAUSIBLE).contains(&length).then_some(length as usize)
    };
    FIELDS.into_iter().find_map(field).unwrap_or(DEFAULT_MAX_INPUT_LENGTH)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_configuration_precedes_the_tokenizer() {
        let place = tempfile::tempdir().unwrap();
        let length = || max_input_length(place.path());
        assert_eq!(length(), 512);
        let write = |file: &str, text: &str| fs::write(place.path().join(file), text).unwrap();
        write("tokenizer_config.json", r#"{"model_max_length": 1000000000000000019884624838656}"#);
        assert_eq!(length(), 512);
        write("tokenizer_config.json", r#"{"model_max_length": 1024}"#);
        assert_eq!(length(), 1024);
        write("config.json", r#"{"n_positions": 4096}"#);
        assert_eq!(length(), 4096);
        write("config.json", r#"{"n_positions": 0}"#);
        assert_eq!(length(), 1024);
    }
}
