//! What this crate promises, against numbers of transformers that `scripts/generate_reference.py` wrote.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

// Small checkpoints and their reference numbers.
mod fixtures;

// Log-probabilities, greedy and beam texts are those of transformers, for every variant of the family.
mod parity;
// Decoding with a cache gives what decoding at once gives; texts do not depend on the batch.
mod decoding;
// Gradients are those of torch, and training the whole model works.
mod training;
// The backward by hand is that of recorded operations.
mod backward;
// Every form of checkpoint loads, and saving and loading gives the same model.
mod files;
// Whatever is wrong with a file is told by name.
mod bad_input;
// SentencePiece models and `tokenizer.json` give the same ids.
mod tokenizer;
// Checkpoints of T5X give the same numbers as the models that they were made of, and as two other programs.
#[cfg(feature = "t5x")]
mod t5x;
