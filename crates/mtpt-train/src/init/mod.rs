//! Initial values of prompts.

pub(crate) mod error;
pub(crate) mod initial;
pub(crate) mod levels;
pub(crate) mod prompt_values;
pub(crate) mod start_from;
