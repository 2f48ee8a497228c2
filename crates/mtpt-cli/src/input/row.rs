use mtpt::tasks::{Example, SourceLocation, excerpt};

use crate::error::{Error, Result};
use crate::fields::Fields;

/// A row of standard input or of a file.
#[derive(Debug)]
pub(crate) struct Row {
    example: Example,
}

impl Row {
    pub(crate) fn new(example: Example) -> Self {
        Self { example }
    }

    /// Returns the file and line.
    pub(crate) fn location(&self) -> &SourceLocation {
        self.example.location()
    }

    /// Returns all fields.
    pub(crate) fn columns(&self) -> Fields {
        self.example.to_json()
    }

    /// Returns the fields by which an answer can be joined to its row: the `id`, if there is one,
    /// the line, and the number of the row if the line has several.
    pub(crate) fn identity(&self) -> Fields {
        let mut fields = Fields::new();
        if let Some(id) = self.example.json("id") {
            fields.insert("id".to_owned(), id);
        }
        fields.insert("line".to_owned(), self.location().line().into());
        if let Some(row) = self.location().row() {
            fields.insert("row".to_owned(), row.into());
        }
        fields
    }

    /// Creates an error that names the row's file and line.
    pub(crate) fn error(&self, problem: impl Into<String>) -> Error {
        let (location, mut problem) = (self.example.location().clone(), problem.into());
        // Errors of the library may name the row already.
        if let Some(rest) = problem.strip_prefix(&format!("{location}: ")) {
            problem = rest.to_owned();
        }
        Error::Row { location, problem }
    }

    /// Returns whether the row has a field.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.example.has(field)
    }

    /// Returns a field that must be text if it is present.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&str>> {
        if !self.has(field) || self.example.is_null(field) {
            return Ok(None);
        }
        match (self.example.require_string(field), self.example.get(field)) {
            (Ok(text), _) => Ok(Some(text)),
            (Err(_), Some(other)) => {
                Err(self.error(format!("`{field}` must be a string, found {}", excerpt(other))))
            }
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Returns the fields for the template of a task.
    pub(crate) fn example(&self) -> &Example {
        &self.example
    }

    /// Returns the tokens of a text field, or the token ids of the field with the suffix `_ids`.
    pub(crate) fn tokens(
        &self,
        field: &str,
        vocab_size: usize,
        tokenize: impl Fn(&str) -> mtpt::t5::Result<Vec<u32>>,
    ) -> Result<Vec<u32>> {
        let ids_field = format!("{field}_ids");
        let ids = match (self.text(field)?, self.has(&ids_field)) {
            (Some(_), true) => {
                return Err(self.error(format!("expected `{field}` or `{ids_field}`, found both")));
            }
            (Some(text), false) => tokenize(text).map_err(|error| self.error(error.to_string()))?,
            (None, true) => self.ids(&ids_field)?,
            (None, false) => {
                let problem = format!("expected `{field}` or `{ids_field}`, found neither");
                return Err(self.error(problem));
            }
        };
        let name = if self.has(&ids_field) { &ids_field } else { field };
        if ids.is_empty() {
            return Err(self.error(format!("`{name}` has no tokens")));
        }
        if let Some(token) = ids.iter().find(|&&token| token as usize >= vocab_size) {
            return Err(self.error(format!(
                "token {token} of `{name}` is not in the model's vocabulary of {vocab_size}"
            )));
        }
        Ok(ids)
    }

    /// Returns the token ids of a field.
    fn ids(&self, field: &str) -> Result<Vec<u32>> {
        let refuse = |found: String| {
            self.error(format!("`{field}` must be a list of token ids, found {}", excerpt(&found)))
        };
        let Some(numbers) = self.example.numbers(field) else {
            return Err(refuse("another value".to_owned()));
        };
        let ids = numbers.iter().map(|number| number.parse().ok()).collect::<Option<Vec<_>>>();
        ids.ok_or_else(|| refuse(format!("[{}]", numbers.join(", "))))
    }
}
