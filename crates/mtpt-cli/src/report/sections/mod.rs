//! The sections of a run's report, one file each. A section without contents writes nothing.

pub(super) mod classes;
pub(super) mod configuration;
pub(super) mod details;
pub(super) mod examples;
pub(super) mod few_shot;
pub(super) mod metrics_table;
pub(super) mod missing;
pub(super) mod mixture;
pub(super) mod nearest_tokens;
pub(super) mod nested_runs;
pub(super) mod results;
pub(super) mod similarity;
pub(super) mod summary;
pub(super) mod task_tree;
pub(super) mod tasks;
pub(super) mod training_charts;
