//! Progress of training and of jobs on standard error.

pub(crate) mod pipeline;
pub(crate) mod rows;
pub(crate) mod run;
mod statistics;
