//! The command line's contract: what comes out, where, and with which exit code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg_attr(unix, expect(clippy::print_stdout, reason = "a test that is skipped says so"))]

mod answers;
mod bad_input;
mod docs;
mod first_steps;
#[cfg(unix)]
mod full_disk;
mod import_export;
mod inspect;
#[cfg(unix)]
mod interrupted;
mod not_finite;
mod pretrain;
mod recipes;
mod report;
mod run;
mod score_and_generate;
#[cfg(feature = "t5x")]
mod stages;
mod t5x;
mod world;
