//! The contents of a report, without markup.

pub(crate) mod clustering;
pub(crate) mod comparison;
pub(crate) mod curve;
pub(crate) mod finding;
pub(crate) mod mixture;
pub(crate) mod nearest_tokens;
pub(crate) mod parameter_tree;
pub(crate) mod report_data;
pub(crate) mod session_time;
pub(crate) mod setting;
pub(crate) mod similarity;
pub(crate) mod strategy_words;
