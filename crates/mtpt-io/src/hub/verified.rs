//! Records of verified files, next to them in the cache.
//!
//! The digest of a file is computed once, since that takes a second per gigabyte or two.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::fs;

/// Returns whether a file has the length and the time of the last change that its record has.
pub(super) fn is_recorded(blob: &Path, metadata: &Metadata) -> bool {
    version(metadata)
        .is_some_and(|version| fs::read_to_string(&record(blob)).is_ok_and(|text| text == version))
}

/// Records that a file was verified. In a cache that is not writable nothing is recorded, and the
/// file is verified again the next time.
pub(super) fn write_record(blob: &Path, metadata: &Metadata) {
    if let Some(version) = version(metadata) {
        let _ = fs::write_atomic(&record(blob), version.as_bytes());
    }
}

fn record(blob: &Path) -> PathBuf {
    blob.with_extension("verified")
}

fn version(metadata: &Metadata) -> Option<String> {
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} bytes of {}\n", metadata.len(), changed.as_nanos()))
}
