use crate::error::Result;
use crate::generate::config::GenerationConfig;
use crate::model::t5::T5;
use crate::weights::generation_config::GenerationDefaults;

impl T5 {
    /// Returns the generation settings of the model's files.
    pub fn generation_defaults(&self) -> &GenerationDefaults {
        &self.generation
    }

    /// Returns the options of generation by the model's files: `generation_config.json`, or the
    /// generation settings in `config.json`. Without these files, decoding is greedy.
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnsupportedSettings`](crate::ConfigError::UnsupportedSettings) names the
    /// settings that are not supported.
    pub fn generation_config(&self) -> Result<GenerationConfig> {
        self.generation.check()?;
        self.generation.settings().to_config()
    }

    /// Returns the tokens that end a generated text: those of `generation_config.json`, or else
    /// those of `config.json`.
    pub fn end_token_ids(&self) -> Vec<u32> {
        let of_file = self.generation.settings().eos_token_id.as_ref();
        of_file.map_or_else(|| self.config.end_token_ids(), |tokens| tokens.to_vec())
    }
}
