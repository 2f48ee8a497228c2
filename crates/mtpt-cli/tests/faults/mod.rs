//! System calls that fail, are interrupted or are shortened, and processes that are killed.
//!
//! Every job runs in a small world. Its results are compared with those of an undisturbed run.
//!
//! `MTPT_FAULTS=all` injects a fault into every call instead of a sample of them, and `MTPT_KILLS`
//! is the number of random kills. `MTPT_REQUIRE_FAULTS` makes a missing C compiler a failure.

// The library that injects faults, and its settings.
pub(crate) mod shim;
// Commands that can be repeated after a failure, and their results.
mod jobs;
// A fault at each call of a job.
mod injected;
// `kill -9` at random moments.
mod kills;
