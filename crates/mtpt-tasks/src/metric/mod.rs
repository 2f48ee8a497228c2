//! Metrics and their evaluation.
//!
//! The functions of [`classification`] and [`correlation`] take pairs of the gold and the predicted
//! value.

pub mod bleu;
pub mod classification;
pub mod correlation;
pub mod multi_label;
pub mod rouge;
pub mod squad;

mod applicable;
pub(crate) mod baseline;
pub(crate) mod error;
pub(crate) mod evaluation;
mod form;
pub(crate) mod metric;
pub(crate) mod unit;

pub use baseline::MajorityBaseline;
pub use error::MetricError;
pub use evaluation::Evaluation;
pub use metric::Metric;
pub use unit::{Unit, format_value};
