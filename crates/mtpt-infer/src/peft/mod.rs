//! Adapters of Hugging Face PEFT.

pub(crate) mod adapter;
mod config;
mod weights;
