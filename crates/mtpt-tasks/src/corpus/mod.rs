//! Corpora of text, and the objectives of pretraining on them.

pub(crate) mod chunks;
pub(crate) mod config;
pub(crate) mod corpus;
pub(crate) mod documents;
pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod objective;
pub(crate) mod prefix_lm;
pub(crate) mod span_corruption;
pub(crate) mod special_tokens;
pub(crate) mod tokens;

pub use chunks::Chunks;
pub use config::CorpusConfig;
pub use corpus::Corpus;
pub use documents::{DocumentFormat, Documents};
pub use error::CorpusError;
pub use file::CorpusFile;
pub use objective::{ObjectiveName, TextObjective};
pub use prefix_lm::PrefixLm;
pub use span_corruption::SpanCorruption;
pub use special_tokens::SpecialTokens;
pub use tokens::CorpusTokens;
