//! Progress of training on standard error.

pub(crate) mod pipeline;
pub(crate) mod run;
mod statistics;
