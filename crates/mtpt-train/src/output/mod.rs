//! Files of a run folder.

pub(crate) mod checkpoint;
pub(crate) mod checkpoint_schedule;
pub(crate) mod error;
pub(crate) mod event_file;
pub(crate) mod exact_float;
pub(crate) mod manifest;
pub(crate) mod metrics_log;
pub(crate) mod optimizer_state;
pub(crate) mod results;
pub(crate) mod run_dir;
pub(crate) mod same_run;
pub(crate) mod tensorboard;
