//! Tests of the public interface, one module for each subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod config;
mod frozen;
mod initial;
mod peft;
mod pretraining;
mod pretraining_config;
mod prompts;
mod ranking;
mod resume;
mod small_world;
mod steps;
