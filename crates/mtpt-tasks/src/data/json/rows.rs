use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use crate::data::decoded::Decoded;
use crate::data::error::DataError;
use crate::data::json::characters::Characters;
use crate::data::json::error::{Found, JsonProblem};
use crate::data::json::parser::Parser;
use crate::data::json::value::Json;
use crate::data::location::SourceLocation;
use crate::error::Result;

/// Reader of the objects of a file: JSON Lines, objects over several lines, or one array.
pub(crate) struct JsonRows<R> {
    text: Characters<R>,
    layout: Layout,
    /// Line on which the last row ended.
    last_line: usize,
    /// Number of rows read.
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Nothing has been read yet.
    Unknown,
    /// Rows are separated by line breaks.
    Lines,
    /// Rows are the items of an array.
    Array,
    /// The array has ended.
    AfterArray,
}

impl<R: BufRead> JsonRows<R> {
    pub(crate) fn new(bytes: Decoded<R>, file: Arc<Path>) -> Self {
        let text = Characters::new(bytes, file);
        Self { text, layout: Layout::Unknown, last_line: 0, count: 0 }
    }

    /// Returns the next object and its location.
    pub(crate) fn read(&mut self) -> Result<Option<(Json, SourceLocation)>> {
        if self.layout == Layout::Unknown {
            self.text.check()?;
        }
        self.text.skip_blanks()?;
        if self.layout == Layout::Unknown {
            self.layout = Layout::Lines;
            if self.text.peek()? == Some(b'[') {
                self.text.skip()?;
                self.layout = Layout::Array;
                self.text.skip_blanks()?;
            }
        }
        match self.layout {
            Layout::Array => self.next_item(),
            Layout::AfterArray => self.end(),
            Layout::Unknown | Layout::Lines => {
                if self.text.peek()?.is_none() {
                    return Ok(None);
                }
                if self.text.line == self.last_line {
                    let (location, column) = (self.text.location(), self.text.column);
                    let found = self.text.found()?;
                    let problem = JsonProblem::SameLine { column, found };
                    return Err(DataError::Json { location, problem }.into());
                }
                self.row().map(Some)
            }
        }
    }

    /// Skips the rest of the line of an invalid row; returns false if rows are not in lines.
    pub(crate) fn skip_line(&mut self) -> Result<bool> {
        if self.layout != Layout::Lines {
            return Ok(false);
        }
        // At the start of a line is the next row: the invalid one ended with the line before.
        if self.text.column > 1 {
            self.text.take_while(|byte| !b"\n\r".contains(&byte), &mut Vec::new())?;
        }
        self.last_line = 0;
        Ok(true)
    }

    fn next_item(&mut self) -> Result<Option<(Json, SourceLocation)>> {
        let next = self.text.peek()?;
        if next == Some(b']') {
            self.text.skip()?;
            self.layout = Layout::AfterArray;
            self.text.skip_blanks()?;
            return self.end();
        }
        if self.count > 0 {
            if next != Some(b',') {
                return Err(self.text.unexpected("`,` or `]` after a row")?);
            }
            self.text.skip()?;
            self.text.skip_blanks()?;
        }
        if !matches!(self.text.peek()?, Some(b'{')) {
            return self.no_object();
        }
        self.row().map(Some)
    }

    fn no_object(&mut self) -> Result<Option<(Json, SourceLocation)>> {
        let location = self.text.location();
        let found = match self.parser().value(1)? {
            // Arrays are read, so the user may have expected a table of arrays to be read as well.
            Json::Array(_) => "an array in an array; write one object per row",
            other => other.kind(),
        };
        Err(DataError::Json { location, problem: JsonProblem::NoObject { found } }.into())
    }

    fn end(&mut self) -> Result<Option<(Json, SourceLocation)>> {
        let (location, column) = (self.text.location(), self.text.column);
        match self.text.found()? {
            Found::End => Ok(None),
            found => {
                let problem = JsonProblem::AfterArray { column, found };
                Err(DataError::Json { location, problem }.into())
            }
        }
    }

    /// Parses the row at the current position.
    fn row(&mut self) -> Result<(Json, SourceLocation)> {
        self.count += 1;
        let line = self.text.line;
        let location = match self.layout {
            // The line alone does not identify a row of an array on one line.
            Layout::Array if line == self.last_line || line == 1 => {
                self.text.location().with_row(self.count)
            }
            _ => self.text.location(),
        };
        let mut parser = self.parser();
        parser.row = location.clone();
        let row = parser.value(0)?;
        self.last_line = self.text.line;
        match row {
            Json::Object(_) => Ok((row, location)),
            other => {
                let problem = JsonProblem::NoObject { found: other.kind() };
                Err(DataError::Json { location, problem }.into())
            }
        }
    }

    fn parser(&mut self) -> Parser<'_, R> {
        let (row, lines) = (self.text.location(), self.layout == Layout::Lines);
        Parser { text: &mut self.text, row, lines }
    }
}
