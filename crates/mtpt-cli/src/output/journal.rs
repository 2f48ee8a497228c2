use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Lines, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use mtpt::io::IoError;
use mtpt::io::fs::remove_file;
use serde::{Deserialize, Serialize};

use crate::destination::with_suffix;
use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::json_line::write_json_line;
use crate::output::entry::Entry;

/// Version of the layout of a journal.
const VERSION: u32 = 1;

/// Rows and answers of a job that is not complete, next to its output file. An interrupted job
/// continues from it.
///
/// The first line has the settings, the others an [`Entry`] each.
pub(crate) struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
    /// Entries of earlier processes that the rows have not been compared with yet.
    earlier: Option<Lines<BufReader<File>>>,
}

/// First line of a journal.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Header {
    /// Version of the layout.
    journal: u32,
    /// Everything that determines the answers.
    settings: Fields,
}

/// Returns the path of the journal of an output file.
pub(crate) fn journal_path(output: &Path) -> PathBuf {
    with_suffix(output, ".partial")
}

impl Journal {
    /// Opens the journal of an output file. With `resume`, its entries are kept.
    ///
    /// # Errors
    ///
    /// When it can't be written, another process writes it, or the settings have changed.
    pub(crate) fn open(output: &Path, settings: Fields, resume: bool) -> Result<Self> {
        let path = journal_path(output);
        let failed = IoError::with("write", &path);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(failed)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let problem = "another process is writing this file; wait for it, or choose another \
                           `--output`";
            return Err(Error::File { path, problem: problem.to_owned() });
        }
        let length = if resume { complete_length(&mut file).map_err(failed)? } else { 0 };
        file.set_len(length).map_err(failed)?;
        let header = Header { journal: VERSION, settings };
        let earlier = if length > 0 {
            let mut lines = BufReader::new(File::open(&path).map_err(failed)?).lines();
            check_header(&path, lines.next().transpose().map_err(failed)?, &header)?;
            Some(lines)
        } else {
            None
        };
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let mut journal = Self { path, file: BufWriter::new(file), earlier };
        if length == 0 {
            journal.write(&header)?;
        }
        Ok(journal)
    }

    /// Returns the path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether there may be more rows that an earlier process has answered.
    pub(crate) fn is_resumed(&self) -> bool {
        self.earlier.is_some()
    }

    /// Returns whether an earlier process has answered a row.
    ///
    /// # Errors
    ///
    /// When it has answered another row at this place.
    pub(crate) fn has_answered(&mut self, row: &Entry) -> Result<bool> {
        let Some(earlier) = &mut self.earlier else { return Ok(false) };
        let Some(line) = earlier.next() else {
            self.earlier = None;
            return Ok(false);
        };
        let entry = parse(&self.path, &line.map_err(IoError::with("read", &self.path))?)?;
        if entry.is_of_same_row(row) {
            return Ok(true);
        }
        let problem = format!(
            "the row in line {} of the input differs from the one that was answered before; restore \
             the input, or start over with `--force`",
            row.line
        );
        Err(Error::File { path: self.path.clone(), problem })
    }

    /// Checks that the input had all rows that were answered before.
    ///
    /// # Errors
    ///
    /// When it had fewer.
    pub(crate) fn check_end(&mut self) -> Result<()> {
        match self.earlier.take().map(|mut lines| lines.next().is_some()) {
            Some(true) => {
                let problem = "the input has fewer rows than were answered before; restore it, or \
                               start over with `--force`";
                Err(Error::File { path: self.path.clone(), problem: problem.to_owned() })
            }
            Some(false) | None => Ok(()),
        }
    }

    /// Adds an entry.
    pub(crate) fn add(&mut self, entry: &Entry) -> Result<()> {
        self.write(entry)
    }

    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let failed = IoError::with("write", &self.path);
        Ok(write_json_line(&mut self.file, line).map_err(failed)?)
    }

    /// Writes everything to the file.
    pub(crate) fn flush(&mut self) -> Result<()> {
        Ok(self.file.flush().map_err(IoError::with("write", &self.path))?)
    }

    /// Returns all entries.
    pub(crate) fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>>> {
        let failed = IoError::with("read", &self.path);
        let file = File::open(&self.path).map_err(failed)?;
        let lines = BufReader::new(file).lines().skip(1);
        Ok(lines.map(move |line| parse(&self.path, &line.map_err(failed)?)))
    }

    /// Removes the file.
    pub(crate) fn remove(&self) -> Result<()> {
        Ok(remove_file(&self.path)?)
    }
}

fn parse(path: &Path, line: &str) -> Result<Entry> {
    serde_json::from_str(line).map_err(|_| damaged(path))
}

fn damaged(path: &Path) -> Error {
    let problem = "expected the rows of an interrupted job, found something else; start over with \
                   `--force`, or choose another `--output`";
    Error::File { path: path.to_owned(), problem: problem.to_owned() }
}

/// Returns the length of a file up to its last line break. A killed process may have written a part
/// of a line after it.
fn complete_length(file: &mut File) -> std::io::Result<u64> {
    const BLOCK: u64 = 64 * 1024;
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        let mut block = Vec::new();
        Read::by_ref(file).take(end - start).read_to_end(&mut block)?;
        if let Some(last) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// Compares the settings of a journal with those of this process.
fn check_header(path: &Path, line: Option<String>, expected: &Header) -> Result<()> {
    let found: Header =
        serde_json::from_str(&line.unwrap_or_default()).map_err(|_| damaged(path))?;
    if found.journal != expected.journal {
        return Err(damaged(path));
    }
    let keys = found.settings.keys().chain(expected.settings.keys());
    for key in keys {
        let [before, now] = [&found.settings, &expected.settings].map(|it| it.get(key));
        if before != now {
            let show = |value: Option<&serde_json::Value>| {
                value.map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"))
            };
            let problem = format!(
                "the job began with another `{key}`: it was {}, and is now {}; use the same \
                 options, or start over with `--force`",
                show(before),
                show(now)
            );
            return Err(Error::File { path: path.to_owned(), problem });
        }
    }
    Ok(())
}
