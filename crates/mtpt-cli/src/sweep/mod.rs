//! Sweeps: one run for each combination of the values that `--set KEY=A,B` lists.

pub(crate) mod alternatives;
pub(crate) mod conclusion;
pub(crate) mod results;
pub(crate) mod runs;
pub(crate) mod shared;
pub(crate) mod variants;
