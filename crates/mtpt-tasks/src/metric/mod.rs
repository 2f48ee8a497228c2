//! Metrics and their evaluation.
//!
//! The functions of [`classification`], [`correlation`] and [`deviation`] take pairs of the gold
//! and the predicted value.

pub mod bleu;
pub mod classification;
pub mod correlation;
pub mod deviation;
pub mod multi_label;
pub mod per_class;
pub mod rouge;
pub mod squad;

mod applicable;
pub(crate) mod error;
pub(crate) mod evaluation;
mod form;
pub(crate) mod metric;
pub(crate) mod unit;

pub use error::MetricError;
pub use evaluation::Evaluation;
pub use metric::Metric;
pub use unit::{Unit, format_value};
