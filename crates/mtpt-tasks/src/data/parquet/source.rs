use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::data::parquet::limits::Limits;
use crate::data::parquet::metadata::Metadata;
use crate::data::parquet_problem::ParquetProblem;
use crate::error::Result;

/// Length of the signature at the start and at the end of a file.
const SIGNATURE: u64 = 4;
/// Length of what follows the metadata: its length and the signature.
const END: u64 = 8;

/// A file and the limits of what it may expand to.
pub(super) struct Source {
    file: File,
    pub(super) limits: Limits,
    /// Position of the metadata, before which all columns are.
    pub(super) data_end: u64,
}

impl Source {
    /// Opens a file and reads its metadata.
    pub(super) fn open(
        path: &Path,
    ) -> Result<std::result::Result<(Self, Metadata), ParquetProblem>> {
        let file = mtpt_io::fs::open(path)?;
        let length = file.metadata().map_err(mtpt_io::IoError::with("read", path))?.len();
        Ok(Self::with_metadata(file, length))
    }

    fn with_metadata(
        file: File,
        length: u64,
    ) -> std::result::Result<(Self, Metadata), ParquetProblem> {
        let mut source = Self { file, limits: Limits::new(length), data_end: length };
        let available = length.checked_sub(SIGNATURE + END).ok_or(ParquetProblem::Signature)?;
        let start = source.read(0, SIGNATURE)?;
        let end = source.read(length - END, END)?;
        match (start.as_slice(), &end[4..]) {
            (b"PAR1", b"PAR1") => {}
            (b"PARE", b"PARE") | (b"PAR1", b"PARE") => return Err(ParquetProblem::Encrypted),
            _ => return Err(ParquetProblem::Signature),
        }
        let claimed = end[..4].iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        if claimed > available {
            return Err(ParquetProblem::MetadataLength { claimed, available });
        }
        source.data_end = length - END - claimed;
        let metadata = Metadata::parse(&source.read(source.data_end, claimed)?)?;
        Ok((source, metadata))
    }

    /// Reads bytes. The range must be within the file.
    pub(super) fn read(
        &mut self,
        start: u64,
        length: u64,
    ) -> std::result::Result<Vec<u8>, ParquetProblem> {
        let failed = |error: std::io::Error| ParquetProblem::Read { message: error.to_string() };
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let read = (&self.file).take(length).read_to_end(&mut bytes).map_err(failed)?;
        // Somebody may have truncated the file.
        if (read as u64) < length {
            return Err(ParquetProblem::Read { message: "the file ends early".to_owned() });
        }
        Ok(bytes)
    }
}
