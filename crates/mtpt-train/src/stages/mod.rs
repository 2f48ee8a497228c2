//! Multitask prompt tuning in stages: planned, validated, then executed.

pub(crate) mod context;
pub(crate) mod data_cache;
pub(crate) mod error;
pub(crate) mod execute;
pub(crate) mod few_shot;
pub(crate) mod nearest;
pub(crate) mod pipeline;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod stage;
pub(crate) mod validate;
pub(crate) mod workspace;
