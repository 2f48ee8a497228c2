//! Tests of the public interface, one module for each subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compose;
mod frozen;
mod initializer;
mod npy;
mod prefix;
mod prompt_file;
mod table_backbone;
