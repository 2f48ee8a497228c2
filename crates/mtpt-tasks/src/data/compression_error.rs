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
    /// The data expands to many times its size, as it does if it was made to fill the memory.
    #[error(
        "{location}: the {compression} data expands to {message}; decompress it (`{}`) if you trust \
         its source",
        unpacker(*.compression)
    )]
    Expansion {
        /// The line at which it was noticed.
        location: SourceLocation,
        /// The compression.
        compression: Compression,
        /// The length that is exceeded.
        message: String,
    },
    /// A Parquet file is compressed as a whole.
    #[error(
        "{}: found a Parquet file in {compression} data, which cannot be read in parts; decompress \
         it (`{}`), or save it with compressed columns",
        .path.display(),
        unpacker(*.compression)
    )]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The compression.
        compression: Compression,
    },
}

/// Returns the command that decompresses a file.
fn unpacker(compression: Compression) -> &'static str {
    match compression {
        Compression::Gzip => "gunzip",
        Compression::Zstd => "unzstd",
    }
}
