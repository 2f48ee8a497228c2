use serde::{Deserialize, Serialize};

use crate::data::encoding::Encoding;
use crate::data::error::DataError;
use crate::data::format::{Fields, Format};
use crate::error::Result;

/// Separator and quoting of a delimited file, where they differ from those of its format.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `separator` | that of the format | an ASCII character between fields, such as `\|` |
/// | `quotes` | `true` for `csv`, `false` for `tsv` | whether fields may be enclosed in double quotes |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialect {
    /// Character between fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<char>,
    /// Whether fields may be enclosed in double quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quotes: Option<bool>,
}

/// Format of a data file, with its encoding and dialect where they differ from the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Format.
    pub format: Format,
    /// Encoding; by default that of the byte order mark, otherwise UTF-8.
    pub encoding: Option<Encoding>,
    /// Separator and quoting.
    pub dialect: Option<Dialect>,
}

impl From<Format> for Layout {
    fn from(format: Format) -> Self {
        Self { format, encoding: None, dialect: None }
    }
}

impl Layout {
    /// Checks that the dialect and the encoding apply to the format.
    ///
    /// # Errors
    ///
    /// Returns [`DataError::NotOfFormat`] or [`DataError::SeparatorCharacter`].
    pub fn check(&self) -> Result<()> {
        let format = self.format;
        if self.dialect.is_some() && !format.is_table() {
            let (key, expected) = ("dialect", "the formats `csv`, `csv_semicolon` and `tsv`");
            return Err(DataError::NotOfFormat { key, expected, format }.into());
        }
        if self.encoding.is_some() && format == Format::Parquet {
            let (key, expected) = ("encoding", "text files");
            return Err(DataError::NotOfFormat { key, expected, format }.into());
        }
        let separator = self.dialect.and_then(|dialect| dialect.separator);
        let is_valid = |sign: char| {
            sign == '\t' || (sign.is_ascii_punctuation() && !matches!(sign, '"' | '.' | '-' | '_'))
        };
        match separator.filter(|&sign| !is_valid(sign)) {
            Some(found) => Err(DataError::SeparatorCharacter { found }.into()),
            None => Ok(()),
        }
    }

    /// Returns the separator and quoting, or `None` for a format without delimited fields.
    pub(crate) fn fields(&self) -> Option<Fields> {
        let Fields { separator, quoted } = self.format.fields()?;
        let dialect = self.dialect.unwrap_or_default();
        Some(Fields {
            separator: dialect.separator.unwrap_or(separator),
            quoted: dialect.quotes.unwrap_or(quoted),
        })
    }

    /// Returns whether quotes at the start of fields are literal by default, not by choice.
    pub(crate) fn may_be_quoted(&self) -> bool {
        let chosen = self.dialect.and_then(|dialect| dialect.quotes);
        self.format.is_table()
            && self.fields().is_some_and(|fields| !fields.quoted)
            && chosen.is_none()
    }

    /// For a header that is one column in this layout, returns the separator that it contains
    /// instead, and the setting for that separator.
    pub(crate) fn other_separator(&self, header: &str) -> Option<(char, String)> {
        let own = self.fields().filter(|_| self.format.is_table())?.separator;
        let others = [',', ';', '\t', '|'].into_iter().filter(|&separator| separator != own);
        let found = others.into_iter().find(|&separator| header.contains(separator))?;
        Some((found, Self::setting(found)))
    }

    /// Returns the setting for a separator.
    pub(crate) fn setting(separator: char) -> String {
        match separator {
            ',' => "format = \"csv\"".to_owned(),
            ';' => "format = \"csv_semicolon\"".to_owned(),
            '\t' => "format = \"tsv\"".to_owned(),
            other => format!("dialect = {{ separator = \"{other}\" }}"),
        }
    }
}

/// Returns the separator that Excel's first line `sep=;` names.
pub(crate) fn separator_line(line: &str) -> Option<char> {
    let line = line.trim_matches('"');
    let rest = line.get(..4).filter(|start| start.eq_ignore_ascii_case("sep="))?;
    let mut separator = line[rest.len()..].chars();
    match (separator.next(), separator.next()) {
        (Some(separator), None) if separator.is_ascii() => Some(separator),
        _ => None,
    }
}
