//! Runs the examples with few steps, and with wrong input.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and prints what it skips"
)]

mod bad_input;
mod program;
mod small_runs;
