//! Readers of files and streams whose format is detected.

use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use mtpt_io::IoError;

use crate::data::decompressed::{Decompressed, decompressed, open_decompressed};
use crate::data::detect::{is_parquet, read_start};
use crate::data::encoding::Encoding;
use crate::data::error::DataError;
use crate::data::layout::Layout;
use crate::data::reader::Reader;
use crate::data::uninterrupted::Uninterrupted;
use crate::error::Result;

impl Reader {
    /// Opens a file whose format is detected by its first lines, as by [`Layout::of_file`].
    ///
    /// A pipe such as `/dev/stdin` or a process substitution is read once, as by
    /// [`detect_stream`](Self::detect_stream).
    ///
    /// # Errors
    ///
    /// As [`Layout::of_file`] and [`Reader::open`].
    pub fn detect(path: &Path, encoding: Option<Encoding>) -> Result<Self> {
        if path.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Layout::of_file(path, encoding)?.open(path);
        }
        let (bytes, _) = open_decompressed(path)?;
        Self::detect_in(bytes, path, encoding)
    }

    /// Creates a reader of a stream whose format is detected by its first lines; the path is used
    /// in messages.
    ///
    /// The stream may be compressed. It is read once: a line is available as soon as it arrives.
    /// Whether fields of a table with tabs are enclosed in quotes is decided by the lines that
    /// arrive together with the first one.
    ///
    /// ```
    /// use std::path::Path;
    /// use mtpt_tasks::Reader;
    ///
    /// let table: &[u8] = b"id;text\n7;where is my parcel?\n";
    /// let rows = Reader::detect_stream(table, Path::new("standard input"), None)?;
    /// let rows = rows.collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(rows[0].get("text"), Some("where is my parcel?"));
    /// # Ok::<(), mtpt_tasks::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Layout::of_file`]; Parquet is rejected, as it requires random access.
    pub fn detect_stream(
        stream: impl Read + Send + 'static,
        path: &Path,
        encoding: Option<Encoding>,
    ) -> Result<Self> {
        let bytes = decompressed(BufReader::new(Uninterrupted(stream)))
            .map_err(IoError::with("read", path))?
            .0;
        Self::detect_in(bytes, path, encoding)
    }

    fn detect_in(mut bytes: Decompressed, path: &Path, encoding: Option<Encoding>) -> Result<Self> {
        let start = read_start(&mut *bytes, path, encoding)?;
        if is_parquet(&start) {
            return Err(DataError::ParquetStream { path: path.to_path_buf() }.into());
        }
        let layout = Layout::of_start(&start, path, encoding)?;
        let bytes: Decompressed = Box::new(Cursor::new(start).chain(bytes));
        Ok(layout.read(bytes, path))
    }
}

impl Layout {
    /// Creates a reader of a stream, which may be compressed; the path is used in messages.
    ///
    /// # Errors
    ///
    /// When the start cannot be read.
    pub fn read_stream(&self, stream: impl Read + Send + 'static, path: &Path) -> Result<Reader> {
        let bytes = decompressed(BufReader::new(Uninterrupted(stream)))
            .map_err(IoError::with("read", path))?
            .0;
        Ok(self.read(bytes, path))
    }
}
