//! Data files: formats, readers and datasets on the hub.

mod csv;
mod detect;
pub(crate) mod error;
pub(crate) mod example;
pub(crate) mod format;
pub(crate) mod hub;
pub(crate) mod hub_error;
pub(crate) mod lines;
pub(crate) mod location;
#[cfg(feature = "parquet")]
mod parquet;
pub(crate) mod reader;
mod superglue_rows;
pub(crate) mod value;

pub use error::DataError;
pub use example::Example;
pub use format::Format;
pub use hub::HubDataset;
pub use hub_error::HubError;
pub use location::SourceLocation;
pub use reader::Reader;
