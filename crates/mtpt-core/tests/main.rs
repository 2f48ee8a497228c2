//! Tests of the public interface.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// A minimal `Backbone` for the tests below.
mod table_backbone;

// `Compose::compose_rows`: batches that mix tasks, and their gradients.
mod compose;
// `Frozen`: neither gradients nor optimizers nor records contain the module.
mod frozen;
// `Initializer`: values of every variant, and errors.
mod initializer;
// Saving and loading parameters by name.
mod named_parameters;
// `prepend`: prompts before embeddings, and the mask.
mod prefix;
