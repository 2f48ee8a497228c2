use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use mtpt_io::IoError;
use mtpt_io::fs::open;

use crate::data::compression::Compression;
use crate::data::compression_error::CompressionError;
use crate::data::expansion::{Counted, Expansion};
use crate::data::location::SourceLocation;
use crate::data::uninterrupted::Uninterrupted;
use crate::error::{Error, Result};

/// Number of bytes by which a compression is recognized.
const SIGNATURE_LENGTH: usize = 4;

/// Binary logarithm of the largest window of zstd data, which is allocated by a claim of the data.
/// `zstd` exceeds it only with `--long` or `--ultra -22`.
const MAX_WINDOW: u32 = 26;

/// Bytes of a file or stream, decompressed.
pub type Decompressed = Box<dyn BufRead + Send>;

/// The error of a decompressor, which passes through [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct DecompressorError {
    compression: Compression,
    problem: Problem,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Incomplete,
    Damaged,
    /// The data expands too much.
    Expansion,
}

/// Returns the error for a failed read, which may be that of a decompressor.
pub(crate) fn read_error(error: io::Error, location: SourceLocation) -> Error {
    match error.downcast::<DecompressorError>() {
        Ok(DecompressorError { compression, problem, message }) => match problem {
            Problem::Incomplete => CompressionError::Incomplete { location, compression },
            Problem::Damaged => CompressionError::Damaged { location, compression, message },
            Problem::Expansion => CompressionError::Expansion { location, compression, message },
        }
        .into(),
        Err(error) => IoError::new("read", location.file(), error).into(),
    }
}

/// Opens a file and decompresses it if its first bytes say that it is compressed.
pub(crate) fn open_decompressed(path: &Path) -> Result<(Decompressed, Option<Compression>)> {
    let file = BufReader::new(Uninterrupted(open(path)?));
    Ok(decompressed(file).map_err(IoError::with("read", path))?)
}

/// Decompresses bytes if the first ones say that they are compressed.
///
/// Bytes that are not compressed are returned as soon as there are any: the first line of a pipe
/// doesn't wait for the second.
pub(crate) fn decompressed(
    mut bytes: impl BufRead + Send + 'static,
) -> io::Result<(Decompressed, Option<Compression>)> {
    // The first part of a pipe may be shorter than a signature.
    let mut start = Vec::new();
    while start.len() < SIGNATURE_LENGTH && !start.contains(&b'\n') {
        let next = bytes.fill_buf()?;
        if next.is_empty() {
            break;
        }
        let count = next.len();
        start.extend_from_slice(next);
        bytes.consume(count);
    }
    let compression = Compression::of(&start);
    let bytes = Cursor::new(start).chain(bytes);
    let Some(compression) = compression else { return Ok((Box::new(bytes), None)) };
    let bytes = Counted::new(bytes);
    let expansion = Expansion::new(bytes.count());
    let decoder: Box<dyn Read + Send> = match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(bytes)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
            decoder.window_log_max(MAX_WINDOW)?;
            Box::new(decoder)
        }
    };
    let bytes = MarkedErrors { decoder, compression, expansion };
    Ok((Box::new(BufReader::new(bytes)), Some(compression)))
}

/// Returns the error of a damaged compressed file, which explains an invalid row: damaged data may
/// decompress to other text before the decompressor notices.
pub(crate) fn damage(path: &Path) -> Option<Error> {
    let (mut bytes, compression) = open_decompressed(path).ok()?;
    compression?;
    let mut line = 1;
    loop {
        match bytes.fill_buf() {
            Ok([]) => return None,
            Ok(text) => {
                line += text.iter().filter(|&&byte| byte == b'\n').count();
                let count = text.len();
                bytes.consume(count);
            }
            Err(error) => return Some(read_error(error, SourceLocation::new(path, line))),
        }
    }
}

/// A decompressor whose errors can be told from those of the operating system.
struct MarkedErrors {
    decoder: Box<dyn Read + Send>,
    compression: Compression,
    expansion: Expansion,
}

impl Read for MarkedErrors {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let compression = self.compression;
        let marked = |problem, message| {
            io::Error::other(DecompressorError { compression, problem, message })
        };
        let length = self.decoder.read(buffer).map_err(|error| {
            if error.raw_os_error().is_some() || error.kind() == ErrorKind::Interrupted {
                return error;
            }
            let is_incomplete = error.kind() == ErrorKind::UnexpectedEof;
            let problem = if is_incomplete { Problem::Incomplete } else { Problem::Damaged };
            marked(problem, error.to_string())
        })?;
        match self.expansion.add(&buffer[..length]) {
            Ok(()) => Ok(length),
            Err(message) => Err(marked(Problem::Expansion, message)),
        }
    }
}
