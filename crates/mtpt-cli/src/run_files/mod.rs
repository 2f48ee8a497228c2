//! The files that a training run writes into its folder.

pub(crate) mod config;
pub(crate) mod evaluation;
pub(crate) mod existing_run;
pub(crate) mod few_shot;
pub(crate) mod history;
pub(crate) mod listed_run;
pub(crate) mod nested_runs;
pub(crate) mod record;
pub(crate) mod run_dir;
