//! Labels: label words, scores, free text, and candidates of a row.

pub(crate) mod config;
pub(crate) mod error;
pub(crate) mod gold;
pub(crate) mod labels;
pub(crate) mod scale;
mod serde;

pub use config::LabelsConfig;
pub use error::LabelsError;
pub use gold::{Gold, Prediction};
pub use labels::Labels;
pub use scale::{Scale, parse_score};
