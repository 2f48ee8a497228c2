use std::path::PathBuf;

use crate::data::compression::Compression;
use crate::data::location::SourceLocation;

/// Compressed data that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompressionError {
    /// The compressed data ends early.
    #[error(
        "{location}: the {compression} data ends early, as after an incomplete download or copy; \
         download or copy the file again"
    )]
    Incomplete {
        /// The last line, which is incomplete.
        location: SourceLocation,
        /// The compression.
        compression: Compression,
    },
    /// The compressed data is invalid.
    #[error(
        "{location}: the {compression} data is damaged in or before this line ({message}); download \
         or copy the file again"
    )]
    Damaged {
        /// The line at which the decompressor noticed it.
        location: SourceLocation,
        /// The compression.
        compression: Compression,
        /// The message of the decompressor.
        message: String,
    },
    /// A Parquet file is compressed as a whole.
    #[error(
        "{}: found a Parquet file in {compression} data, which cannot be read in parts; decompress \
         it (`{}`), or save it with compressed columns",
        .path.display(),
        match .compression { Compression::Gzip => "gunzip", Compression::Zstd => "unzstd" }
    )]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The compression.
        compression: Compression,
    },
}
