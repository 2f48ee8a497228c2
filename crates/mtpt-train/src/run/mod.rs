//! Training runs: the session that every run shares, and the two kinds of run.

pub(crate) mod evaluation_policy;
pub(crate) mod identity;
pub(crate) mod non_finite;
pub(crate) mod observer;
pub(crate) mod pretraining;
pub(crate) mod progress;
pub(crate) mod prompt_tuning;
pub(crate) mod requirements;
pub(crate) mod results;
pub(crate) mod session;
pub(crate) mod state;
pub(crate) mod suggestion;
pub(crate) mod trainer;
