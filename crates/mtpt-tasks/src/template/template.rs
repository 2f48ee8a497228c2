use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::data::example::Example;
use crate::error::{Error, Result};
use crate::template::error::{TemplateError, TemplateProblem};

/// Text with placeholders for the fields of a row, such as `sst2 sentence: {sentence}`.
///
/// `{{` and `}}` are escapes for `{` and `}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(String),
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// Returns [`TemplateError`] with the character at which the problem starts.
    pub fn new(template: &str) -> Result<Self> {
        let problem = |byte: usize, problem| TemplateError {
            template: template.to_owned(),
            position: template[..byte].chars().count() + 1,
            problem,
        };
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut byte = 0;
        while let Some(length) = template[byte..].find(['{', '}']) {
            text.push_str(&template[byte..byte + length]);
            byte += length;
            let rest = &template[byte..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                text.push_str(&rest[..1]);
                byte += 2;
            } else if let Some(rest) = rest.strip_prefix('{') {
                let end = match rest.find(['{', '}']) {
                    Some(0) if rest.starts_with('}') => {
                        return Err(problem(byte, TemplateProblem::NoField).into());
                    }
                    Some(end) if rest[end..].starts_with('}') => end,
                    _ => return Err(problem(byte, TemplateProblem::Unclosed).into()),
                };
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Field(rest[..end].to_owned()));
                byte += end + 2;
            } else {
                return Err(problem(byte, TemplateProblem::Unopened).into());
            }
        }
        text.push_str(&template[byte..]);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        if !pieces.iter().any(|piece| matches!(piece, Piece::Field(_))) {
            return Err(problem(0, TemplateProblem::Constant).into());
        }
        Ok(Self { source: template.to_owned(), pieces })
    }

    /// Returns the source of the template.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Returns the names of the fields in order, with duplicates.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Field(field) => Some(field.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Returns the text for a row.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Example::require`].
    pub fn render(&self, example: &Example) -> Result<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            text.push_str(match piece {
                Piece::Text(text) => text,
                Piece::Field(field) => example.require(field)?,
            });
        }
        Ok(text)
    }
}

impl Template {
    /// Returns the values of the template's fields in a row, separated by spaces.
    pub(crate) fn values(&self, example: &Example) -> Result<String> {
        let values = self.fields().map(|field| example.require(field));
        Ok(values.collect::<Result<Vec<_>>>()?.join(" "))
    }

    /// Returns whether all fields of the template are empty or blank in a row.
    pub(crate) fn is_blank(&self, example: &Example) -> bool {
        self.fields().all(|field| example.get(field).is_some_and(|text| text.trim().is_empty()))
    }
}

impl FromStr for Template {
    type Err = Error;

    fn from_str(template: &str) -> Result<Self> {
        Self::new(template)
    }
}

impl TryFrom<String> for Template {
    type Error = Error;

    fn try_from(template: String) -> Result<Self> {
        Self::new(&template)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.source
    }
}

impl fmt::Display for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::location::SourceLocation;
    use std::path::Path;

    fn example() -> Example {
        Example::new([("a", "one"), ("b", "{two}")], SourceLocation::new(Path::new("rows.tsv"), 7))
    }

    #[test]
    fn renders_fields() {
        for (template, expected) in [
            ("x a: {a} b: {b}", "x a: one b: {two}"),
            ("{a}{a}", "oneone"),
            ("{{a}} {a} }}{{", "{a} one }{"),
            ("{{{a}}}", "{one}"),
            ("é{b}é", "é{two}é"),
        ] {
            let parsed = Template::new(template).unwrap();
            assert_eq!(parsed.render(&example()).unwrap(), expected);
            assert_eq!(parsed.as_str(), template);
        }
        let template = Template::new("{b} {a} {b}").unwrap();
        assert_eq!(template.fields().collect::<Vec<_>>(), ["b", "a", "b"]);
    }

    #[test]
    fn locates_problems() {
        for (template, position, problem) in [
            ("é {a", 3, TemplateProblem::Unclosed),
            ("{a {b}", 1, TemplateProblem::Unclosed),
            ("{a} {}", 5, TemplateProblem::NoField),
            ("{a} } x", 5, TemplateProblem::Unopened),
            ("no field", 1, TemplateProblem::Constant),
            ("", 1, TemplateProblem::Constant),
        ] {
            match Template::new(template).unwrap_err() {
                Error::Template(TemplateError { position: found, problem: which, .. }) => {
                    assert_eq!((found, which), (position, problem), "{template}");
                }
                other => panic!("{other}"),
            }
        }
        let message = Template::new("x {").unwrap_err().to_string();
        assert_eq!(
            message,
            "template `x {`: expected `}` after `{` and a field name, found none, at character 3"
        );
    }

    #[test]
    fn reports_unknown_fields() {
        let template = Template::new("{a} {c}").unwrap();
        let message = template.render(&example()).unwrap_err().to_string();
        assert_eq!(message, "rows.tsv:7: expected the field `c`, found `a`, `b`");
    }
}
