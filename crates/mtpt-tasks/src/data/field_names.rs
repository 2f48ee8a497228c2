use crate::data::location::SourceLocation;

/// The names of a row's fields, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldNames {
    names: Vec<String>,
    /// Location of the header, if the names come from one.
    header: Option<SourceLocation>,
}

/// Where a field is.
pub(crate) enum Position {
    /// Index of the field.
    At(usize),
    Missing,
    /// Several fields have the name.
    Repeated,
}

impl FieldNames {
    /// Creates the names of one row, or of a format without header.
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { names, header: None }
    }

    /// Creates the names of a header. Blanks around a name are not part of it.
    pub(crate) fn of_header(names: Vec<String>, header: SourceLocation) -> Self {
        Self {
            names: names.iter().map(|name| trimmed(name).to_owned()).collect(),
            header: Some(header),
        }
    }

    pub(crate) fn as_slice(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn header(&self) -> Option<&SourceLocation> {
        self.header.as_ref()
    }

    /// Finds a field by its name. Columns without a name are not found.
    pub(crate) fn find(&self, field: &str) -> Position {
        let field = if self.header.is_some() { trimmed(field) } else { field };
        if field.is_empty() && self.header.is_some() {
            return Position::Missing;
        }
        let mut found = (0..self.names.len()).filter(|&index| self.names[index] == field);
        match (found.next(), found.next()) {
            (None, _) => Position::Missing,
            (Some(index), None) => Position::At(index),
            (Some(_), Some(_)) => Position::Repeated,
        }
    }
}

/// Removes blanks, and marks without a glyph that spreadsheets leave at the start of a file.
fn trimmed(name: &str) -> &str {
    name.trim_matches(|sign: char| sign.is_whitespace() || matches!(sign, '\u{feff}' | '\u{200b}'))
}
