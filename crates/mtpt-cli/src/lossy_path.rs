//! Serializing paths that may be other than UTF-8, which JSON can't represent.

use std::path::Path;

use serde::Serializer;

/// Serializes a path as text, with `\u{fffd}` in place of what is not UTF-8.
pub(crate) fn serialize<S: Serializer>(
    path: impl AsRef<Path>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.as_ref().to_string_lossy())
}
