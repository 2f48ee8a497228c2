use std::fmt;
use std::path::{Path, PathBuf};

/// Compression of a file or stream, recognized by its first bytes, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// One or several gzip members.
    Gzip,
    /// One or several zstd frames.
    Zstd,
}

impl Compression {
    /// Returns the compression of bytes, if they are compressed.
    pub(crate) fn of(start: &[u8]) -> Option<Self> {
        match start {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Returns the file name without `.gz` or `.zst`.
    ///
    /// ```
    /// use std::path::Path;
    /// use mtpt_tasks::data::Compression;
    ///
    /// let path = Path::new("data/tickets.csv.gz");
    /// assert_eq!(Compression::uncompressed_name(path), Path::new("data/tickets.csv"));
    /// ```
    pub fn uncompressed_name(path: &Path) -> PathBuf {
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        let is_compressed = ["gz", "gzip", "zst", "zstd"].iter().any(|&other| ending == other);
        if is_compressed { path.with_extension("") } else { path.to_path_buf() }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}
