//! Sweeps: one run for each combination of the values that `--set KEY=A,B` lists.

pub(crate) mod alternatives;
pub(crate) mod results;
pub(crate) mod runs;
pub(crate) mod variants;
