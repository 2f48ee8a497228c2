use std::fmt::{self, Write};
use std::fs::File;
use std::io;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A digest of a file's content.
///
/// The hub's etag of a file is one, and the cache names the file after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    /// SHA-256, of files in the large file storage.
    Sha256(String),
    /// SHA-1 of other files: git's, which covers the length as well. Mirrors send that of the
    /// content alone.
    Sha1(String),
}

impl Digest {
    /// Returns the digest that an etag is, or none for the etag of another kind of server.
    pub(super) fn of_etag(etag: &str) -> Option<Self> {
        if !etag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        match etag.len() {
            64 => Some(Self::Sha256(etag.to_ascii_lowercase())),
            40 => Some(Self::Sha1(etag.to_ascii_lowercase())),
            _ => None,
        }
    }

    /// Returns the digest of a file if it differs from this one.
    pub(super) fn difference(&self, mut file: File) -> io::Result<Option<Self>> {
        let found = match self {
            Self::Sha256(_) => {
                let mut hash = Sha256::new();
                io::copy(&mut file, &mut hash)?;
                Self::Sha256(hexadecimal(&hash.finalize()))
            }
            Self::Sha1(expected) => {
                let header = format!("blob {}\0", file.metadata()?.len());
                let mut hashes = Both(Sha1::new_with_prefix(header), Sha1::new());
                io::copy(&mut file, &mut hashes)?;
                let Both(git, plain) = hashes;
                let plain = hexadecimal(&plain.finalize());
                Self::Sha1(if plain == *expected { plain } else { hexadecimal(&git.finalize()) })
            }
        };
        Ok((found != *self).then_some(found))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digits) => write!(formatter, "the SHA-256 {digits}"),
            Self::Sha1(digits) => write!(formatter, "the SHA-1 {digits}"),
        }
    }
}

/// The hashes of the same bytes, after different ones.
struct Both(Sha1, Sha1);

impl io::Write for Both {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        self.1.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}"); // a string never fails
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_git_and_sha256sum() {
        let mut path = tempfile::NamedTempFile::new().unwrap();
        io::Write::write_all(&mut path, b"hello\n").unwrap();
        let difference = |etag: &str| {
            Digest::of_etag(etag).unwrap().difference(File::open(path.path()).unwrap()).unwrap()
        };
        // `git hash-object`, `sha1sum` and `sha256sum`.
        let git = "ce013625030ba8dba906f756967f9e9ca394464a";
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        for etag in [git, "f572d396fae9206628714fb2ce00f72e94f2258f", sha256] {
            assert_eq!(difference(etag), None);
            assert_eq!(difference(&etag.to_uppercase()), None);
            let found = difference(&etag.replace('5', "6")).unwrap();
            let expected = if etag == sha256 { sha256 } else { git };
            assert!(found.to_string().ends_with(expected));
        }
    }

    #[test]
    fn other_etags_are_no_digests() {
        let hex = "5891b5b522d5df086d0ff0b110fbd9d2";
        for etag in ["", "e9", hex, &format!("{hex}{hex}00"), &"g".repeat(64), &"ä".repeat(20)] {
            assert_eq!(Digest::of_etag(etag), None, "{etag}");
        }
    }
}
