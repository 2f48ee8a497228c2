//! Tests of the public interface, one module for each subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod compose;
mod frozen;
mod initializer;
mod named_parameters;
mod prefix;
mod table_backbone;
