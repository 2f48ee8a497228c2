use std::io;

/// A batch that cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A batch has no examples.
    #[error("a batch needs at least one example, found none")]
    Empty,
    /// Examples cannot be stored on disk.
    #[error(
        "cannot store examples in the folder for temporary files; set `TMPDIR` to one with enough \
         space"
    )]
    OnDisk {
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}
