//! Tests of the public interface.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// Configurations: serialization, default options, ranges and error messages.
mod config;
// Task trees: strategies per level, parameter counts and invalid trees.
mod hierarchy;
// Properties that hold for every strategy, on random shapes and trees.
mod laws;
// Mixture weights reproduce the prompts that they belong to.
mod mixture_weights;
// Prompts and gradients of every strategy equal PyTorch's.
mod reference;
