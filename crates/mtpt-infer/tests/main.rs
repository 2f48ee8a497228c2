//! Tests of the public interface, one module per subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "a skipped test prints why")]

mod candidates;
mod peft;
mod predictor;
mod prompt_file;
mod prompt_tuning;
mod prompts;
mod ranking;
mod small_world;
#[cfg(feature = "t5x")]
mod t5x_prompts;
mod task_data;
mod text_tasks;
mod untrained;
