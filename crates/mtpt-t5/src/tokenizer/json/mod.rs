//! Tokenizers of the `tokenizers` library, `tokenizer.json`.
//!
//! The file is parsed and checked here, and the library's components are built from the result: its
//! own parser and its components trust what a file claims. See the chapter on robustness.

mod component;
mod decoder;
mod file;
mod limited;
mod model;
mod normalizer;
mod pattern;
mod post_processor;
mod pre_tokenizer;
mod template;
mod tokenizer;
mod vocabulary;

pub(crate) use tokenizer::JsonTokenizer;
