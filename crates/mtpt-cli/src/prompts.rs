use std::path::Path;

use mtpt::burn::tensor::Device;
use mtpt::infer::{PromptNote, Prompts};

use crate::error::Result;
use crate::stdio::message;

/// A path of prompts, and their use.
#[derive(Clone, Copy)]
pub(crate) struct PromptSource<'a> {
    pub(crate) path: &'a Path,
    /// Whether the vectors for the decoder are ignored.
    pub(crate) no_decoder_prompt: bool,
}

impl PromptSource<'_> {
    /// Reads the prompts and prints the remarks of the reader.
    pub(crate) fn read(&self, device: &Device) -> Result<Prompts> {
        let prompts = Prompts::read(self.path, device)?;
        print_notes(&prompts, self.no_decoder_prompt);
        Ok(prompts)
    }
}

/// Prints the remarks of the reader of prompts, unless they are about vectors that are ignored.
pub(crate) fn print_notes(prompts: &Prompts, no_decoder_prompt: bool) {
    for note in prompts.notes() {
        if !(no_decoder_prompt && matches!(note, PromptNote::DecoderPrompt { .. })) {
            message(&format!("note: {note}"));
        }
    }
}
