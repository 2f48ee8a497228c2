//! Labels: label words, scores, free text, candidates of a row, and any number of labels per row.

pub(crate) mod config;
pub(crate) mod error;
pub(crate) mod gold;
pub(crate) mod labels;
pub(crate) mod multi_label;
mod raw_answer;
mod raw_labels;
pub(crate) mod row_error;
pub(crate) mod scale;
mod serde;
mod truth;

pub use crate::look_alike::{is_spelling, same_label};
pub use config::LabelsConfig;
pub use error::LabelsError;
pub use gold::{Gold, Prediction};
pub use labels::Labels;
pub use multi_label::MultiLabelConfig;
pub use row_error::{RowLabelsError, listed_lines};
pub use scale::{Scale, parse_score};
pub use truth::parse_truth;
