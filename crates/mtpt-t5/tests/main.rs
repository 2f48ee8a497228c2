//! Tests against transformers, with reference values of `scripts/generate_reference.py`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
#![expect(clippy::print_stdout, reason = "a skipped test prints a note")]

// Small checkpoints and their reference values.
mod fixtures;
// Token trees, and hidden states at their nodes.
mod trees;

// Log-probabilities, greedy and beam texts match transformers, for every variant of T5.
mod parity;
// Prompts, prompt gradients, configurations and files of the whole T5 family match transformers.
mod family;
// Decoding with a cache matches decoding at once; texts do not depend on the batch.
mod decoding;
// Prompts of the decoder act like tokens before the start token, in every way of decoding.
mod decoder_prompt;
// `generation_config.json`: texts and distributions match transformers; errors name file and key.
mod generation_config;
// Gradients match torch, and the whole model can be trained.
mod training;
// The hand-written backward pass matches autodiff; its forward pass is the evaluation's.
mod backward;
// Int8 weights: states and gradients match f32, files and modules keep their values.
mod int8;
// Every checkpoint format loads; saving and loading preserves the model.
mod files;
// Files of training programs, every combination of embedding tables, and files that are not
// checkpoints.
mod checkpoints;
// Errors name the file, the tensor, and the expected and found values.
mod bad_input;
// SentencePiece models and `tokenizer.json` result in the same ids.
mod tokenizer;
// SentencePiece models result in the ids and texts of sentencepiece, and folders with added tokens
// in those of transformers.
mod tokenizer_reference;
// A `tokenizer.json` that the library would not survive is rejected; texts of others are tokenized.
mod claims_of_tokenizers;
// Tokenizers are read from the right files; errors name the file and the field.
mod tokenizer_files;
// T5X checkpoints result in the same values as their source models and as two other programs.
#[cfg(feature = "t5x")]
mod t5x;
// T5X checkpoints of the whole family.
#[cfg(feature = "t5x")]
mod t5x_family;
