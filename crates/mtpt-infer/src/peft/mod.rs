//! Adapters of Hugging Face PEFT.

pub(crate) mod adapter;
mod config;
pub(crate) mod folder;
mod weights;
