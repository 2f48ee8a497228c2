//! Data files: formats, readers and datasets on the hub.

pub(crate) mod compression;
pub(crate) mod compression_error;
pub(crate) mod decoded;
pub(crate) mod decompressed;
mod detect;
mod detected;
pub(crate) mod encoding;
pub(crate) mod error;
mod error_location;
pub(crate) mod example;
mod expansion;
mod field_names;
pub(crate) mod format;
pub(crate) mod hub;
pub(crate) mod hub_error;
mod json;
pub(crate) mod layout;
pub(crate) mod lines;
pub(crate) mod location;
#[cfg(feature = "parquet")]
mod parquet;
pub(crate) mod parquet_problem;
mod quoted_rows;
pub(crate) mod reader;
mod rows;
mod signature;
mod superglue_rows;
mod uninterrupted;
pub(crate) mod value;

pub use compression::Compression;
pub use compression_error::CompressionError;
pub use decompressed::Decompressed;
pub use encoding::{Encoding, UnknownEncoding};
pub use error::DataError;
pub use example::Example;
pub use format::Format;
pub use hub::HubDataset;
pub use hub_error::HubError;
pub use json::error::{Found, JsonProblem};
pub use layout::{Dialect, Layout};
pub use location::SourceLocation;
pub use parquet_problem::{ColumnProblem, ParquetProblem};
pub use reader::Reader;
