/// A problem of a Parquet file. Messages follow "expected a Parquet file, but".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParquetProblem {
    /// The file does not start and end with the signature.
    #[error(
        "it does not start and end with `PAR1`; after an incomplete download or copy, download or \
         copy it again"
    )]
    Signature,
    /// The metadata or columns are encrypted.
    #[error("it is encrypted; save it without encryption")]
    Encrypted,
    /// The columns are in other files.
    #[error("its columns are in other files; save it as one file")]
    OtherFiles,
    /// The metadata is longer than the file.
    #[error("it has {available} bytes, {claimed} of which are said to be metadata")]
    MetadataLength {
        /// Length of the metadata at the end of the file.
        claimed: u64,
        /// Number of bytes that may be metadata.
        available: u64,
    },
    /// The metadata ends within a value.
    #[error(
        "its metadata claims {claimed} bytes or items at byte {position}, where {available} bytes \
         are left"
    )]
    MetadataEnds {
        /// Position in the metadata.
        position: usize,
        /// Claimed number.
        claimed: u64,
        /// Number of remaining bytes.
        available: usize,
    },
    /// A value of the metadata has another type.
    #[error("its metadata does not have {expected} at byte {position}")]
    Metadata {
        /// Position in the metadata.
        position: usize,
        /// The expected value.
        expected: &'static str,
    },
    /// A required value of the metadata is missing.
    #[error("its metadata has {structure} without {value}")]
    MissingValue {
        /// The structure.
        structure: &'static str,
        /// The value.
        value: &'static str,
    },
    /// The schema is not a tree of valid columns.
    #[error("its schema is invalid at `{column}`: {problem}")]
    Schema {
        /// The element.
        column: String,
        /// The problem.
        problem: &'static str,
    },
    /// The columns of a row group are not those of the schema.
    #[error("row group {group} has {found} columns instead of the {expected} of the schema")]
    Columns {
        /// Number of the row group, counted from 1.
        group: usize,
        /// Number of columns in the schema.
        expected: usize,
        /// Number of columns in the row group.
        found: usize,
    },
    /// The size of the data exceeds a limit relative to the file's size.
    #[error(
        "it has {found} {what} in {length} bytes, where at most {limit} are read; save it with \
         other columns, or as CSV or JSON Lines"
    )]
    TooLarge {
        /// Unit of the amount.
        what: &'static str,
        /// The amount.
        found: u64,
        /// The limit.
        limit: u64,
        /// Size of the file in bytes.
        length: u64,
    },
    /// A column of a row group is invalid.
    #[error("the column `{column}` of row group {group} {problem}")]
    Column {
        /// The column.
        column: String,
        /// Number of the row group, counted from 1.
        group: usize,
        /// The problem.
        problem: ColumnProblem,
    },
    /// The file could not be read.
    #[error("reading it failed: {message}")]
    Read {
        /// The message of the operating system.
        message: String,
    },
}

/// A problem of a column of a row group. Messages follow "the column `text`".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnProblem {
    /// The data is not within the file.
    #[error("is said to be at bytes {start} to {end} of {length}")]
    Place {
        /// First byte.
        start: u64,
        /// End.
        end: u64,
        /// Length of the file without its metadata.
        length: u64,
    },
    /// The number of values is lower than the number of rows.
    #[error("has {found} values for {rows} rows")]
    Count {
        /// Number of values.
        found: u64,
        /// Number of rows.
        rows: u64,
    },
    /// The type differs from that of the schema.
    #[error("has another type than in the schema")]
    Type,
    /// The compression is not supported.
    #[error("is compressed with {codec}; save it with snappy, zstd, gzip or without compression")]
    Codec {
        /// Name of the compression.
        codec: &'static str,
    },
    /// An encoding is not supported, or not for this type.
    #[error("has values in the encoding {code}, which is not supported for its type")]
    Encoding {
        /// Number of the encoding in the specification.
        code: i32,
    },
    /// A page has an invalid header.
    #[error("has a damaged page header: {0}")]
    Header(Box<ParquetProblem>),
    /// A page claims more bytes than the column has, or than its limit.
    #[error("has a page of {claimed} bytes, where at most {available} are possible")]
    PageSize {
        /// Claimed size.
        claimed: u64,
        /// Maximum.
        available: u64,
    },
    /// A page could not be decompressed.
    #[error("has a page that cannot be decompressed to {size} bytes: {message}")]
    Decompression {
        /// Size of the page.
        size: usize,
        /// The message of the decompressor.
        message: String,
    },
    /// A page has more values than the column.
    #[error("has a page of {claimed} values, where {available} are left")]
    PageCount {
        /// Number of values of the page.
        claimed: u64,
        /// Number of values that the column has left.
        available: u64,
    },
    /// The data ends early.
    #[error("ends within {what}")]
    Ends {
        /// The incomplete structure.
        what: &'static str,
    },
    /// Encoded data is invalid.
    #[error("has {what}")]
    Invalid {
        /// The invalid value.
        what: &'static str,
    },
    /// Values refer to a dictionary that is too small or missing.
    #[error("refers to entry {index} of a dictionary of {entries} entries")]
    Dictionary {
        /// Index of the entry.
        index: u64,
        /// Number of entries.
        entries: usize,
    },
}
