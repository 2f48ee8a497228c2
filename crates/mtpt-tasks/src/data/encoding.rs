use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Character encoding of a text file, by its name in the WHATWG Encoding Standard or in Python.
///
/// As on the web, Latin-1 is read as windows-1252, which has the same letters.
///
/// ```
/// use mtpt_tasks::data::Encoding;
///
/// let encoding: Encoding = "latin-1".parse().unwrap();
/// assert_eq!(encoding.name(), "windows-1252");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// UTF-8, the default.
    pub(crate) const UTF_8: Self = Self(encoding_rs::UTF_8);
    pub(crate) const UTF_16LE: Self = Self(encoding_rs::UTF_16LE);
    pub(crate) const UTF_16BE: Self = Self(encoding_rs::UTF_16BE);

    /// Returns the name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// Returns a decoder that does not remove byte order marks.
    pub(crate) fn decoder(self) -> encoding_rs::Decoder {
        self.0.new_decoder_without_bom_handling()
    }

    /// Returns the encoding that a byte order mark at the start names, and the length of the mark.
    pub(crate) fn of_mark(bytes: &[u8]) -> Option<(Self, usize)> {
        let (encoding, length) = encoding_rs::Encoding::for_bom(bytes)?;
        Some((Self(encoding), length))
    }
}

/// A text that is not the name of an encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown encoding `{found}`; expected a name such as `windows-1252` (Latin-1), `utf-16le` or \
     `shift_jis`"
)]
pub struct UnknownEncoding {
    /// The text.
    pub found: String,
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<Self, UnknownEncoding> {
        let compact: String = name.chars().filter(|sign| sign.is_ascii_alphanumeric()).collect();
        // Names of Python and of spreadsheets that the standard lacks.
        let label = match compact.to_ascii_lowercase().as_str() {
            "utf8sig" | "utf8bom" => "utf-8",
            "utf16" | "utf16le" => "utf-16le",
            "utf16be" => "utf-16be",
            "ansi" | "latin1" | "windows1252" => "windows-1252",
            "macroman" => "macintosh",
            "cp932" => "shift_jis",
            "cp936" => "gbk",
            "cp949" => "euc-kr",
            "cp950" => "big5",
            _ => name,
        };
        let found = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes());
        found.map(Self).ok_or_else(|| UnknownEncoding { found: name.to_owned() })
    }
}

impl fmt::Debug for Encoding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name().to_ascii_lowercase())
    }
}

impl<'de> Deserialize<'de> for Encoding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_names_of_the_standard_and_of_python() {
        for (name, expected) in [
            ("utf-8", "UTF-8"),
            ("utf-8-sig", "UTF-8"),
            ("UTF-16", "UTF-16LE"),
            ("utf_16_be", "UTF-16BE"),
            ("Latin-1", "windows-1252"),
            ("iso-8859-1", "windows-1252"),
            ("cp1252", "windows-1252"),
            ("iso-8859-15", "ISO-8859-15"),
            ("mac_roman", "macintosh"),
            ("cp932", "Shift_JIS"),
            ("gb18030", "gb18030"),
        ] {
            let encoding: Encoding = name.parse().unwrap();
            assert_eq!(encoding.name(), expected, "{name}");
            let text = serde_json::to_string(&encoding).unwrap();
            assert_eq!(serde_json::from_str::<Encoding>(&text).unwrap(), encoding);
        }
        let message = "utf-9".parse::<Encoding>().unwrap_err().to_string();
        assert!(message.starts_with("unknown encoding `utf-9`; expected a name such as"));
        assert!("utf-7".parse::<Encoding>().is_err());
    }
}
