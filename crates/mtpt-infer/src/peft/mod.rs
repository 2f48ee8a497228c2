//! Adapters of Hugging Face PEFT: their configuration, their weights, and both together.

pub(crate) mod adapter;
mod config;
mod weights;
