//! Configurations and their TOML files.

pub(crate) mod backbone;
pub(crate) mod distillation;
pub(crate) mod error;
pub(crate) mod evaluation;
pub(crate) mod file;
pub(crate) mod optimizer;
pub(crate) mod overlay;
pub(crate) mod pretraining;
pub(crate) mod prompt;
pub(crate) mod range;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod stages;
pub(crate) mod task_parts;
pub(crate) mod training;
