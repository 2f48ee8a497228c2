//! Everything that a report shows, computed before any HTML is written.

pub(crate) mod curve;
pub(crate) mod mixture;
pub(crate) mod nearest_tokens;
pub(crate) mod report_data;
pub(crate) mod similarity;
