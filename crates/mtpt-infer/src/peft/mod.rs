//! Adapters of Hugging Face PEFT.

pub(crate) mod adapter;
pub(crate) mod config;
pub(crate) mod folder;
mod weights;
