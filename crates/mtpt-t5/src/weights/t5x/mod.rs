//! Parameters from a T5X checkpoint, written by T5X's own models or by Flaxformer's.

mod config_file;
mod infer;
pub(crate) mod source;
