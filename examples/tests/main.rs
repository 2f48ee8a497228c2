//! The examples as a person runs them, with few steps: they end well, and badly where they should.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it passes over"
)]

mod bad_input;
mod program;
mod small_runs;
