//! Reader of Parquet files.
//!
//! Files come from strangers, so every size, offset and count is compared with the actual data
//! before it is used, values are decoded one by one from the bytes of their page, and
//! [`Limits`](limits::Limits) bound what a file expands to. The crate `parquet` trusts such claims:
//! it panics, aborts on allocations and hangs, see "Faults of dependencies" in the book. It writes
//! predictions, and its files are read in tests.
//!
//! The format is described in <https://parquet.apache.org/docs/file-format/>.

mod column;
mod convert;
mod decimal;
mod decompress;
mod delta;
mod hybrid;
mod limits;
mod meaning;
mod metadata;
mod page;
mod page_header;
mod record;
pub(crate) mod rows;
mod schema;
mod source;
mod thrift;
mod time;
mod tree;
mod values;
