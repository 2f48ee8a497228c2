use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, iter};

use prost::Message;

use crate::error::{Error, Result};

/// What the name of every event file begins with; readers go through the files of a folder in the order of their names.
const BEGINNING: &str = "events.out.tfevents.";
/// With this version, the start of a session says which steps are void, and readers drop them.
const VERSION: &str = "brain.Event:2";
/// `SessionLog.START`
const START: i32 = 1;

/// `tensorflow.Event` of `tensorboard/compat/proto/event.proto`, with the fields that are written here.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `tensorflow.Summary` of `tensorboard/compat/proto/summary.proto`.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(oneof = "Simple", tags = "2")]
    value: Option<Simple>,
}

/// A oneof, so that a value of 0 is written, too.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Simple {
    #[prost(float, tag = "2")]
    SimpleValue(f32),
}

/// A file of TensorBoard's events, to which scalars are added.
#[derive(Debug)]
pub(crate) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Begins a file that comes after all that the folder has. Readers drop what these have from a step on.
    pub(crate) fn create(folder: &Path, first_step: usize) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Two parts of a run may begin in the same second, or under another clock.
        let after = list(folder)?.iter().filter_map(|path| seconds(path)).max();
        let seconds = now.as_secs().max(after.map_or(0, |last| last + 1));
        let path = folder.join(format!("{BEGINNING}{seconds:010}.mtpt"));
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file =
            file.map_err(|source| Error::File { action: "write", path: path.clone(), source })?;
        let mut file = Self { path, file };
        file.event(0, What::FileVersion(VERSION.into()))?;
        file.event(first_step, What::SessionLog(SessionLog { status: START }))?;
        Ok(file)
    }

    /// Adds the scalars of a step.
    ///
    /// What is added is with the operating system when this returns, and whoever reads the file sees it.
    pub(crate) fn scalars(
        &mut self,
        step: usize,
        scalars: impl IntoIterator<Item = (String, f64)>,
    ) -> Result<()> {
        let value = |(tag, value)| Value { tag, value: Some(Simple::SimpleValue(value as f32)) };
        let value = scalars.into_iter().map(value).collect();
        self.event(step, What::Summary(Summary { value }))
    }

    fn event(&mut self, step: usize, what: What) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let event = Event { wall_time: now.as_secs_f64(), step: step as i64, what: Some(what) };
        // At once, so that a record is cut only where the disk is full.
        self.file.write_all(&record(&event.encode_to_vec())).map_err(|source| Error::File {
            action: "write",
            path: self.path.clone(),
            source,
        })
    }
}

/// Removes all event files of a folder, if there are any.
pub(crate) fn remove_all(folder: &Path) -> Result<()> {
    list(folder)?.into_iter().try_for_each(|path| {
        fs::remove_file(&path).map_err(|source| Error::File { action: "remove", path, source })
    })
}

/// The event files of a folder, which need not be there.
fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::File { action: "read", path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if name(&path).is_some_and(|name| name.starts_with(BEGINNING)) {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// The second at which a file was begun, by its name.
fn seconds(path: &Path) -> Option<u64> {
    name(path)?.strip_prefix(BEGINNING)?.split('.').next()?.parse().ok()
}

/// A record of `TFRecord`: its length, the length's check sum, the bytes, their check sum, all little-endian.
fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let check = |bytes: &[u8]| masked(crc32c::crc32c(bytes)).to_le_bytes();
    iter::empty()
        .chain(length)
        .chain(check(&length))
        .chain(bytes.iter().copied())
        .chain(check(bytes))
        .collect()
}

/// A check sum that may stand among the bytes that another is made of: `tensorflow/core/lib/hash/crc32c.h`.
fn masked(check: u32) -> u32 {
    check.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As TensorBoard writes the same events: `scripts/tensorboard_events.py`.
    const REFERENCE: &[u8] = include_bytes!("../../tests/fixtures/tensorboard.tfevents");

    #[test]
    fn records_are_those_of_tensorboard() {
        let event = |wall_time, step, what| Event { wall_time, step, what: Some(what) };
        let values = [("loss", 0.75), ("loss/reviews/sst2", 0.0), ("learning_rate", -1e-30)];
        let value = values
            .map(|(tag, value)| Value { tag: tag.into(), value: Some(Simple::SimpleValue(value)) });
        let events = [
            event(1.5, 0, What::FileVersion(VERSION.into())),
            event(2.0, 7, What::SessionLog(SessionLog { status: START })),
            event(1_700_000_000.25, 300_000, What::Summary(Summary { value: value.into() })),
        ];
        let written: Vec<u8> =
            events.iter().flat_map(|event| record(&event.encode_to_vec())).collect();
        assert!(written == REFERENCE, "{written:?} is not {REFERENCE:?}");
    }

    #[test]
    fn a_file_comes_after_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let far = folder.path().join(format!("{BEGINNING}9000000000.other"));
        fs::write(&far, "").unwrap();
        let first = EventFile::create(folder.path(), 0).unwrap();
        let second = EventFile::create(folder.path(), 1).unwrap();
        assert!(far < first.path && first.path < second.path, "{first:?}, {second:?}");
        fs::write(folder.path().join("notes.txt"), "kept").unwrap();
        remove_all(folder.path()).unwrap();
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
        remove_all(&folder.path().join("none")).unwrap();
    }
}
