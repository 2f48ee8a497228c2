//! Baselines that trained prompts should exceed: the most frequent training label, and a linear
//! model on TF-IDF features.

pub(crate) mod baselines;
#[cfg(feature = "tfidf")]
mod features;
#[cfg(feature = "tfidf")]
mod linear_model;
pub(crate) mod majority;
pub(crate) mod row_labels;
#[cfg(feature = "tfidf")]
pub(crate) mod tfidf;

pub use baselines::{Baselines, MAX_TRAINING_EXAMPLES, tfidf_baseline};
pub use majority::{MajorityAnswer, MajorityBaseline};
pub use row_labels::RowLabels;
#[cfg(feature = "tfidf")]
pub use tfidf::{TfidfBaseline, TfidfPrediction};
