//! Files of a directory with a list of their lengths and checksums, to detect damage.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use mtpt_io::IoError;
use mtpt_io::fs::{self, sync_dir};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::output::error::CheckpointError;

/// Name of the list. If the list itself is damaged, it can't be parsed or doesn't match the files.
const LIST: &str = "checksums.json";

/// Length and checksum of a file as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Checksum {
    bytes: usize,
    crc32: u32,
}

impl Checksum {
    fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len(), crc32: crc32fast::hash(bytes) }
    }
}

/// Damage to a file that was intact when it was written.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` {}", self.path.display(), self.reason)
    }
}

/// Writes files to a directory that is renamed when all of them are on disk.
pub(crate) struct CheckedFiles<'a> {
    dir: &'a Path,
    /// The directory's final path, for messages.
    final_path: &'a Path,
    checksums: BTreeMap<String, Checksum>,
}

impl<'a> CheckedFiles<'a> {
    pub(crate) fn new(dir: &'a Path, final_path: &'a Path) -> Self {
        Self { dir, final_path, checksums: BTreeMap::new() }
    }

    /// Writes a file and flushes it to disk.
    pub(crate) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.final_path.join(name);
        let failed = IoError::with("write", &path);
        let mut file = File::create(self.dir.join(name)).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        self.checksums.insert(name.to_owned(), Checksum::of(bytes));
        Ok(())
    }

    /// Writes the list. No file can be added afterwards.
    pub(crate) fn finish(mut self) -> Result<()> {
        let list = serde_json::to_vec_pretty(&self.checksums)
            .map_err(|source| CheckpointError::Json { path: self.final_path.join(LIST), source })?;
        self.write(LIST, &list)?;
        Ok(sync_dir(self.dir)?)
    }
}

/// Returns the first damaged file of a directory, if there is one.
///
/// # Errors
///
/// When permission to read a file is denied; any other failure to read it is damage.
pub(crate) fn first_damage(dir: &Path) -> Result<Option<Damage>> {
    let path = dir.join(LIST);
    let list = match read(&path)? {
        Ok(list) => list,
        Err(damage) => return Ok(Some(damage)),
    };
    let Ok(checksums) = serde_json::from_slice::<BTreeMap<String, Checksum>>(&list) else {
        let reason = "is not the list of checksums that was written".to_owned();
        return Ok(Some(Damage { path, reason }));
    };
    for (name, expected) in checksums {
        // Only files of the directory itself, which others may have written.
        if Path::new(&name).file_name().is_none_or(|last| last != name.as_str()) {
            let reason = format!("lists `{name}`, which is not a file of the checkpoint");
            return Ok(Some(Damage { path, reason }));
        }
        let path = dir.join(name);
        let found = match read(&path)? {
            Ok(bytes) => Checksum::of(&bytes),
            Err(damage) => return Ok(Some(damage)),
        };
        if found != expected {
            let reason = if found.bytes == expected.bytes {
                "has other contents than were written".to_owned()
            } else {
                format!("has {} bytes, {} were written", found.bytes, expected.bytes)
            };
            return Ok(Some(Damage { path, reason }));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Result<Vec<u8>, Damage>> {
    let damage = |reason| Damage { path: path.to_owned(), reason };
    match fs::read(path) {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(error) => match error.source.kind() {
            ErrorKind::PermissionDenied => Err(error.into()),
            ErrorKind::NotFound => Ok(Err(damage("is missing".to_owned()))),
            _ => Ok(Err(damage(format!("cannot be read: {}", error.source)))),
        },
    }
}
