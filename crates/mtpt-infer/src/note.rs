use std::path::PathBuf;

/// A remark about prompts of another program that were read without an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PromptNote {
    /// A PEFT adapter has vectors that PEFT never uses.
    #[error(
        "`{path}`: the adapter has {found} vectors, of which PEFT only uses the first {used}, in \
         `forward` and in `generate`; the others were dropped"
    )]
    UnusedVectors {
        /// The folder of the adapter.
        path: PathBuf,
        /// Number of vectors that PEFT uses.
        used: usize,
        /// Number of vectors in the file.
        found: usize,
    },
    /// A PEFT adapter has a prompt for the decoder, which PEFT's `generate` ignores.
    #[error(
        "`{path}`: the adapter has {length} vectors for the decoder; they are used in every \
         command, as in PEFT's `forward`, but PEFT's `generate` ignores them: to match it, pass \
         `--no-decoder-prompt`"
    )]
    DecoderPrompt {
        /// The folder of the adapter.
        path: PathBuf,
        /// Number of vectors for the decoder.
        length: usize,
    },
}
