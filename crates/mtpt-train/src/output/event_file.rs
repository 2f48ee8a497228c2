use std::fs::{File, OpenOptions};
use std::io::Write;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use mtpt_io::IoError;
use mtpt_io::fs::{read_dir, remove_file};
use prost::Message;

use crate::error::Result;

/// Prefix of the name of every event file. TensorBoard reads the files of a directory in the order
/// of their names.
const PREFIX: &str = "events.out.tfevents.";
/// File version. With it, the start of a session invalidates later steps in earlier files.
const VERSION: &str = "brain.Event:2";
/// `SessionLog.START`
const START: i32 = 1;

/// `tensorflow.Event` of `tensorboard/compat/proto/event.proto`, with the fields used here.
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

/// A oneof, so that a value of 0 is also written.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Simple {
    #[prost(float, tag = "2")]
    SimpleValue(f32),
}

/// A TensorBoard event file that scalars are appended to.
#[derive(Debug)]
pub(crate) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Creates a file whose name sorts after all others in the directory. It invalidates their
    /// steps from a step on.
    pub(crate) fn create(dir: &Path, first_step: usize) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Two processes may start in the same second, or the clock may have been changed.
        let after = list(dir)?.iter().filter_map(|path| seconds(path)).max();
        let seconds = now.as_secs().max(after.map_or(0, |last| last + 1));
        let path = dir.join(format!("{PREFIX}{seconds:010}.mtpt"));
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = file.map_err(IoError::with("write", &path))?;
        let mut file = Self { path, file };
        file.event(0, What::FileVersion(VERSION.into()))?;
        file.event(first_step, What::SessionLog(SessionLog { status: START }))?;
        Ok(file)
    }

    /// Appends the scalars of a step. They are visible to readers of the file when this returns.
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
        // In one call, so that a record is truncated only if the disk is full.
        let written = self.file.write_all(&record(&event.encode_to_vec()));
        Ok(written.map_err(IoError::with("write", &self.path))?)
    }
}

/// Removes all event files in a directory.
pub(crate) fn remove_all(dir: &Path) -> Result<()> {
    list(dir)?.iter().try_for_each(|path| Ok(remove_file(path)?))
}

/// Lists the event files in a directory, which need not exist.
fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let is_event_file = |path: &PathBuf| name(path).is_some_and(|name| name.starts_with(PREFIX));
    Ok(read_dir(dir)?.into_iter().filter(is_event_file).collect())
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// Returns the second at which a file was created, from its name.
fn seconds(path: &Path) -> Option<u64> {
    name(path)?.strip_prefix(PREFIX)?.split('.').next()?.parse().ok()
}

/// Encodes a `TFRecord`: length, checksum of the length, bytes, checksum of the bytes, all
/// little-endian.
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

/// Masks a checksum that is stored among checksummed bytes: `tensorflow/core/lib/hash/crc32c.h`.
fn masked(check: u32) -> u32 {
    check.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The same events written by TensorBoard: `scripts/tensorboard_events.py`.
    const REFERENCE: &[u8] = include_bytes!("../../tests/fixtures/tensorboard.tfevents");

    #[test]
    fn records_equal_those_of_tensorboard() {
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
    fn a_new_file_sorts_after_existing_ones() {
        let folder = tempfile::tempdir().unwrap();
        let far = folder.path().join(format!("{PREFIX}9000000000.other"));
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
