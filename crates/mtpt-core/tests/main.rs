//! Tests of the public interface, one module for each subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod compose;
mod frozen;
mod initializer;
mod npy;
mod prefix;
mod prompt_file;
#[cfg(feature = "t5x")]
mod t5x;
mod table_backbone;
mod whole_file;
