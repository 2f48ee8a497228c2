//! The command line's contract: what comes out, where, and with which exit code.

mod bad_input;
mod run;
mod score_and_generate;
mod world;
