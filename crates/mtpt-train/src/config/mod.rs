//! The settings of a run, as its TOML file has them.

pub(crate) mod distillation;
pub(crate) mod error;
pub(crate) mod optimizer;
pub(crate) mod overlay;
pub(crate) mod pretraining;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod stages;
pub(crate) mod task_parts;
