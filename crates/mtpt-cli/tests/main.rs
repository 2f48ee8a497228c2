//! The command line's contract: what comes out, where, and with which exit code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod bad_input;
mod docs;
mod first_steps;
mod import_export;
mod inspect;
mod pretrain;
mod recipes;
mod run;
mod score_and_generate;
#[cfg(feature = "t5x")]
mod stages;
mod t5x;
mod world;
