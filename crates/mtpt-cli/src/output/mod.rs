//! Output of answers: to standard output, or to a file with the columns of their rows.

pub(crate) mod answers;
mod columns;
mod csv;
pub(crate) mod entry;
pub(crate) mod format;
pub(crate) mod journal;
mod json;
#[cfg(feature = "parquet")]
mod parquet;
pub(crate) mod rejection;
mod table;
mod table_writer;
