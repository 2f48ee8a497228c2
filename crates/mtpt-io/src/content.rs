//! Content in place of an expected file: placeholders, error pages and files of other formats.

use std::fmt;
use std::path::Path;

use crate::fs;

/// Content of a file in place of the expected one, with advice.
///
/// It is displayed as `found ...; ADVICE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignContent {
    found: String,
    advice: &'static str,
}

const DOWNLOAD: &str = "download or copy the file again";
const SERVER: &str = "it may be the error message of a server; download the file again";
const UNPACK: &str = "unpack it";

/// Formats by their first bytes.
#[rustfmt::skip]
const FORMATS: &[(&[u8], &str, &str)] = &[
    (b"\x89HDF\r\n\x1a\n",    "an HDF5 file, the format of TensorFlow and Keras", "convert it to safetensors with transformers 4 (`from_tf=True`)"),
    (b"GGUF",                 "a GGUF file, the format of llama.cpp", "use the original model"),
    (b"\x1f\x8b",             "a gzip archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c",   "a 7-Zip archive", UNPACK),
    (b"\x28\xb5\x2f\xfd",     "a zstd archive", UNPACK),
    (b"\xfd7zXZ\0",           "an xz archive", UNPACK),
    (b"BZh",                  "a bzip2 archive", UNPACK),
    (b"Rar!",                 "a RAR archive", UNPACK),
    (b"\x93NUMPY",            "a `.npy` array", "give it the extension `.npy`"),
    (b"PK\x03\x04",           "a zip archive, such as PyTorch writes", "if it is PyTorch's, give it the extension `.bin`, otherwise unpack it"),
];

/// Start of a Git LFS pointer.
const LFS: &str = "version https://git-lfs";

/// Number of bytes that are examined.
const EXAMINED: u64 = 512;

impl ForeignContent {
    /// Returns what a file contains, unless that can't be determined.
    ///
    /// It is meant for a file that is not what it should be: a valid file may also be recognized.
    pub fn of_file(path: &Path) -> Option<Self> {
        Self::of(&fs::read_start(path, EXAMINED).ok()?)
    }

    /// Returns what a file contains in place of a JSON object; `None` if it starts like one.
    pub fn instead_of_object(bytes: &[u8]) -> Option<Self> {
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        Self::of(bytes).filter(|_| !is_object)
    }

    /// Creates a description of content, to be displayed as `found FOUND; ADVICE`.
    pub fn new(found: impl Into<String>, advice: &'static str) -> Self {
        Self { found: found.into(), advice }
    }

    /// Returns what a file contains by its first bytes, a few hundred or the whole file.
    pub fn of(start: &[u8]) -> Option<Self> {
        if start.is_empty() {
            return Some(Self::new("an empty file", DOWNLOAD));
        }
        if start.iter().all(|&byte| byte == 0) {
            return Some(Self::new("only zeros", DOWNLOAD));
        }
        if let Some(content) = Self::other_than_text(start) {
            return Some(content);
        }
        let text = text_of(start)?;
        let line: String = text.lines().next().unwrap_or_default().chars().take(40).collect();
        let (kind, advice) = match text.as_bytes().first() {
            Some(b'<') => ("an XML document", SERVER),
            Some(b'{' | b'[') => ("JSON text", SERVER),
            _ => ("text", "choose another file, or download it again"),
        };
        Some(Self::new(format!("{kind} that starts with `{line}`"), advice))
    }

    /// Returns what a file contains by its first bytes if it is not a text that was meant to be
    /// read: a known format, a Git LFS pointer or an HTML page.
    pub fn other_than_text(start: &[u8]) -> Option<Self> {
        // A text may start with the letters of a format, such as `GGUF`.
        let Some(text) = text_of(start) else {
            let format = FORMATS.iter().find(|(magic, ..)| start.starts_with(magic));
            return format.map(|&(_, found, advice)| Self::new(found, advice));
        };
        if text.starts_with(LFS) {
            return Some(Self::new(lfs_pointer(text), LFS_ADVICE));
        }
        let lower = text.get(..15).unwrap_or(text).to_ascii_lowercase();
        let is_page = lower.starts_with("<!doctype html") || lower.starts_with("<html");
        let page = || Self::new("an HTML page", "use the download link of the file itself");
        is_page.then(page)
    }

    /// Returns whether the content is a zip archive.
    #[cfg(feature = "tensors")]
    pub(crate) fn is_zip(start: &[u8]) -> bool {
        start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
    }
}

const LFS_ADVICE: &str = "run `git lfs pull`, or download the file itself";

/// Describes a Git LFS pointer, with the size of its file if it has one.
fn lfs_pointer(text: &str) -> String {
    let size = text.lines().find_map(|line| line.strip_prefix("size "));
    match size {
        Some(size) => format!("a Git LFS pointer to a file of {} bytes", size.trim()),
        None => "a Git LFS pointer".to_owned(),
    }
}

/// Returns the bytes as text without leading white space if they are text. A character at the end
/// may be incomplete.
fn text_of(start: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |c: char| !c.is_control() || matches!(c, '\t' | '\r' | '\n');
    let text = text.trim_start_matches('\u{feff}').trim_start();
    (!text.is_empty() && text.chars().all(is_text)).then_some(text)
}

impl fmt::Display for ForeignContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "found {}; {}", self.found, self.advice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_other_formats_are_recognized() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 242043056\n";
        for (start, expected) in [
            (b"".as_slice(), "an empty file"),
            (&[0; 16], "only zeros"),
            (pointer.as_bytes(), "a Git LFS pointer to a file of 242043056 bytes; run `git lfs"),
            (b"\n<!DOCTYPE html><html>", "an HTML page"),
            (b"<HTML><head>", "an HTML page"),
            (b"<?xml version=\"1.0\"?><Error>", "an XML document that starts with `<?xml"),
            (b"{\"error\": \"not found\"}", "JSON text that starts with `{\"error\": \"not"),
            (b"Entry not found", "text that starts with `Entry not found`"),
            (b"Zugriff verweigert \xc3", "text that starts with `Zugriff verweigert `"),
            (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file"),
            (b"GGUF\x03\0\0\0", "a GGUF file"),
            (b"\x1f\x8b\x08\0", "a gzip archive"),
        ] {
            let found = ForeignContent::of(start).unwrap().to_string();
            assert!(found.starts_with(&format!("found {expected}")), "{found}");
        }
        let table = b"GGUF,quality\nllama,high\n";
        assert_eq!(ForeignContent::other_than_text(table), None);
        for start in [b"\x80\x02}".as_slice(), b"\x60\0\0\0\0\0\0\0{\"a\":", b"\xff\xff"] {
            assert_eq!(ForeignContent::of(start), None);
        }
    }
}
