use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use mtpt::io::IoError;
use mtpt::tasks::data::DataError;
use mtpt::tasks::{self, Encoding, Format, Layout, Reader};

use crate::args::rows::RowArgs;
use crate::error::{Error, Result};

/// Name of standard input in messages.
const STANDARD_INPUT: &str = "standard input";

/// Source of rows: a file, a pipe or standard input.
#[derive(Clone, Debug)]
pub(crate) struct RowSource {
    /// `None` for standard input.
    path: Option<PathBuf>,
    format: Option<Format>,
    encoding: Option<Encoding>,
}

impl RowSource {
    /// Returns the source that the options name.
    ///
    /// # Errors
    ///
    /// When there is no such file.
    pub(crate) fn new(arguments: &RowArgs) -> Result<Self> {
        let path = arguments.input.clone().filter(|path| path != Path::new("-"));
        if let Some(path) = &path {
            let failed = |source| Error::Read { path: path.clone(), source };
            // A named pipe that is closed again would end its writer.
            if path.metadata().map_err(failed)?.is_file() {
                File::open(path).map_err(failed)?;
            }
        }
        Ok(Self { path, format: arguments.input_format, encoding: arguments.encoding })
    }

    /// Returns the file or pipe, or `None` for standard input.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Returns whether all rows are there already, which a pipe and a terminal can't know.
    pub(crate) fn is_complete(&self) -> bool {
        match &self.path {
            Some(path) => path.metadata().is_ok_and(|metadata| metadata.is_file()),
            None => standard_input_is_file(),
        }
    }

    /// Returns whether a person types the rows.
    pub(crate) fn is_terminal(&self) -> bool {
        self.path.is_none() && io::stdin().is_terminal()
    }

    /// Opens the source. An empty one is `None`.
    pub(crate) fn open(&self) -> tasks::Result<Option<Reader>> {
        // A pipe is read once, and may be a named one, whose rows come from another program.
        let reader = match (&self.path, self.format) {
            (Some(path), format) if !self.is_complete() && !path.is_dir() => {
                let failed = |source| IoError::new("read", path, source);
                let stream = File::open(path).map_err(failed)?;
                match format {
                    Some(format) => self.layout(format).read_stream(stream, path),
                    None => Reader::detect_stream(stream, path, self.encoding),
                }
            }
            (Some(path), None) => Reader::detect(path, self.encoding),
            (Some(path), Some(format)) => self.layout(format).open(path),
            (None, Some(format)) => {
                self.layout(format).read_stream(io::stdin(), Path::new(STANDARD_INPUT))
            }
            (None, None) => {
                Reader::detect_stream(io::stdin(), Path::new(STANDARD_INPUT), self.encoding)
            }
        };
        match reader {
            Err(tasks::Error::Data(DataError::NoRows { .. })) => Ok(None),
            reader => reader.map(Some),
        }
    }

    fn layout(&self, format: Format) -> Layout {
        Layout { encoding: self.encoding, ..format.into() }
    }
}

#[cfg(unix)]
fn standard_input_is_file() -> bool {
    use std::os::fd::AsFd;
    let metadata = || File::from(io::stdin().as_fd().try_clone_to_owned()?).metadata();
    metadata().is_ok_and(|metadata| metadata.is_file())
}

#[cfg(not(unix))]
fn standard_input_is_file() -> bool {
    false
}
