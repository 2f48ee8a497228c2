//! Files of a folder with a list of their lengths and checksums beside them, by which damage is noticed.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use mtpt_io::fs::sync_dir;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The list's name. A list that is damaged itself fits the files no more, or says of them what it said before.
const LIST: &str = "checksums.json";

/// A file as it was written.
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

/// What is wrong with a file that was whole once.
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

/// Files that are being written to a folder that takes its name when all of them have reached the disk.
pub(crate) struct CheckedFiles<'a> {
    folder: &'a Path,
    /// The name that the folder will have, for messages.
    place: &'a Path,
    sums: BTreeMap<String, Checksum>,
}

impl<'a> CheckedFiles<'a> {
    pub(crate) fn new(folder: &'a Path, place: &'a Path) -> Self {
        Self { folder, place, sums: BTreeMap::new() }
    }

    /// Writes one file, to the disk.
    pub(crate) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let write = || -> io::Result<()> {
            let mut file = File::create(self.folder.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|source| self.failed(name, source))?;
        self.sums.insert(name.to_owned(), Checksum::of(bytes));
        Ok(())
    }

    /// Writes the list: nothing is added after it.
    pub(crate) fn finish(mut self) -> Result<()> {
        let list = serde_json::to_vec_pretty(&self.sums)
            .map_err(|source| Error::Json { path: self.place.join(LIST), source })?;
        self.write(LIST, &list)?;
        Ok(sync_dir(self.folder)?)
    }

    fn failed(&self, name: &str, source: io::Error) -> Error {
        Error::File { action: "write", path: self.place.join(name), source }
    }
}

/// The first file of a folder that is not as it was written, if there is one.
///
/// # Errors
///
/// When a file may not be read; one that the disk cannot give back is damaged.
pub(crate) fn first_damage(folder: &Path) -> Result<Option<Damage>> {
    let path = folder.join(LIST);
    let list = match read(&path)? {
        Ok(list) => list,
        Err(damage) => return Ok(Some(damage)),
    };
    let Ok(sums) = serde_json::from_slice::<BTreeMap<String, Checksum>>(&list) else {
        let reason = "is not the list of checksums that was written".to_owned();
        return Ok(Some(Damage { path, reason }));
    };
    for (name, expected) in sums {
        let path = folder.join(name);
        let found = match read(&path)? {
            Ok(bytes) => Checksum::of(&bytes),
            Err(damage) => return Ok(Some(damage)),
        };
        if found != expected {
            let reason = if found.bytes == expected.bytes {
                "holds other bytes than were written".to_owned()
            } else {
                format!("has {} bytes, {} were written", found.bytes, expected.bytes)
            };
            return Ok(Some(Damage { path, reason }));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Result<Vec<u8>, Damage>> {
    let path = path.to_owned();
    match fs::read(&path) {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(source) if source.kind() == ErrorKind::PermissionDenied => {
            Err(Error::File { action: "read", path, source })
        }
        Err(source) if source.kind() == ErrorKind::NotFound => {
            Ok(Err(Damage { path, reason: "is missing".to_owned() }))
        }
        Err(source) => Ok(Err(Damage { path, reason: format!("cannot be read: {source}") })),
    }
}
