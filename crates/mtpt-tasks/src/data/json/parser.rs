use std::io::BufRead;

use crate::data::error::DataError;
use crate::data::json::characters::Characters;
use crate::data::json::error::{Found, JsonProblem};
use crate::data::json::value::Json;
use crate::data::location::SourceLocation;
use crate::error::{Error, Result};

/// Maximum number of nested arrays and objects, which limits the stack.
const MAX_DEPTH: usize = 128;

/// The object that is being parsed.
pub(crate) struct Parser<'a, R> {
    pub(crate) text: &'a mut Characters<R>,
    /// Start of the row.
    pub(crate) row: SourceLocation,
    /// Whether each line is a row, so an object at the start of a line is a new row.
    pub(crate) lines: bool,
}

impl<R: BufRead> Parser<'_, R> {
    /// Parses the value at the current position.
    pub(crate) fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > MAX_DEPTH {
            let (location, column) = (self.text.location(), self.text.column);
            let problem = JsonProblem::Depth { column, limit: MAX_DEPTH };
            return Err(DataError::Json { location, problem }.into());
        }
        match self.text.peek()? {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(byte) if byte.is_ascii_alphanumeric() || byte == b'-' => self.word(),
            _ => Err(self.text.unexpected("a value")?),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json> {
        self.text.skip()?;
        let mut fields = Vec::new();
        loop {
            self.blanks("`}`")?;
            match self.text.peek()? {
                Some(b'"') => {}
                Some(b'}') if fields.is_empty() => break,
                _ => return Err(self.text.unexpected("a key in double quotes")?),
            }
            let key = self.string()?;
            self.blanks("`:`")?;
            if self.text.peek()? != Some(b':') {
                return Err(self.text.unexpected("`:` after a key")?);
            }
            self.text.skip()?;
            self.blanks("a value")?;
            fields.push((key, self.value(depth + 1)?));
            self.blanks("`}`")?;
            match self.text.peek()? {
                Some(b',') => self.text.skip()?,
                Some(b'}') => break,
                _ => return Err(self.text.unexpected("`,` or `}`")?),
            }
        }
        self.text.skip()?;
        Ok(Json::Object(fields))
    }

    fn array(&mut self, depth: usize) -> Result<Json> {
        self.text.skip()?;
        let mut items = Vec::new();
        loop {
            self.blanks("`]`")?;
            if items.is_empty() && self.text.peek()? == Some(b']') {
                break;
            }
            items.push(self.value(depth + 1)?);
            self.blanks("`]`")?;
            match self.text.peek()? {
                Some(b',') => self.text.skip()?,
                Some(b']') => break,
                _ => return Err(self.text.unexpected("`,` or `]`")?),
            }
        }
        self.text.skip()?;
        Ok(Json::Array(items))
    }

    /// Skips blanks inside of a value, which may extend over several lines.
    fn blanks(&mut self, missing: &'static str) -> Result<()> {
        let line = self.text.line;
        self.text.skip_blanks()?;
        let next = self.text.peek()?;
        let new_row =
            self.lines && self.text.line > line && self.text.column == 1 && next == Some(b'{');
        if next.is_none() || new_row {
            return Err(self.unclosed(next.is_none(), missing));
        }
        Ok(())
    }

    fn unclosed(&self, at_end: bool, missing: &'static str) -> Error {
        let problem = JsonProblem::Unclosed { at_end, missing };
        DataError::Json { location: self.row.clone(), problem }.into()
    }

    /// Parses `true`, `false`, `null`, a number, or what Python writes for numbers that are not
    /// finite.
    fn word(&mut self) -> Result<Json> {
        let (location, column) = (self.text.location(), self.text.column);
        let mut word = Vec::new();
        let accepts = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
        self.text.take_while(accepts, &mut word)?;
        let word = self.text.text(word)?;
        Ok(match word.as_str() {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "null" => Json::Null,
            "NaN" => Json::NotFinite("NaN"),
            "Infinity" => Json::NotFinite("Infinity"),
            "-Infinity" => Json::NotFinite("-Infinity"),
            number if is_number(number) => Json::Number(word),
            other => {
                let found = match other.chars().next() {
                    Some(only) if other.len() == 1 => Found::Character(only),
                    _ => Found::Word(other.chars().take(40).collect()),
                };
                let problem = JsonProblem::Unexpected { column, expected: "a value", found };
                return Err(DataError::Json { location, problem }.into());
            }
        })
    }

    /// Parses a text in double quotes.
    ///
    /// Half of a surrogate pair, as Python writes for a text that was truncated inside of an emoji,
    /// becomes U+FFFD.
    fn string(&mut self) -> Result<String> {
        self.text.skip()?;
        let mut bytes = Vec::new();
        // First half of a surrogate pair, directly in front of the current position.
        let mut half: Option<u32> = None;
        loop {
            let next = self.text.peek()?;
            if half.is_some() && next != Some(b'\\') {
                push(&mut bytes, half.take().map(|_| char::REPLACEMENT_CHARACTER));
            }
            match next {
                Some(b'"') => {
                    let text = self.text.text(bytes)?;
                    self.text.skip()?;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.text.skip()?;
                    let unit = self.escaped()?;
                    let is_first = (0xd800..0xdc00).contains(&unit);
                    let is_second = (0xdc00..0xe000).contains(&unit);
                    let character = match half.take() {
                        Some(first) if is_second => {
                            char::from_u32(0x10000 + ((first - 0xd800) * 0x400) + (unit - 0xdc00))
                        }
                        first => {
                            push(&mut bytes, first.map(|_| char::REPLACEMENT_CHARACTER));
                            if is_first {
                                half = Some(unit);
                                continue;
                            }
                            Some(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
                        }
                    };
                    push(&mut bytes, character);
                }
                None => return Err(self.unclosed(true, "`\"`")),
                Some(b'\n' | b'\r') if self.lines => return Err(self.unclosed(false, "`\"`")),
                Some(0..0x20) => return Err(self.text.unexpected("`\"` at the end of a text")?),
                Some(_) => {
                    let is_text = |byte| byte >= 0x20 && byte != b'"' && byte != b'\\';
                    self.text.take_while(is_text, &mut bytes)?;
                }
            }
        }
    }

    /// Parses an escape after its backslash; returns its UTF-16 unit.
    fn escaped(&mut self) -> Result<u32> {
        let unit = match self.text.peek()? {
            Some(b'u') => {
                self.text.skip()?;
                return self.unit();
            }
            Some(byte @ (b'"' | b'\\' | b'/')) => u32::from(byte),
            Some(b'b') => 0x8,
            Some(b'f') => 0xc,
            Some(b'n') => 0xa,
            Some(b'r') => 0xd,
            Some(b't') => 0x9,
            _ => return Err(self.text.unexpected("an escape, or `\\\\` for a backslash")?),
        };
        self.text.skip()?;
        Ok(unit)
    }

    /// Parses four hexadecimal digits.
    fn unit(&mut self) -> Result<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.text.peek()?.and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.text.unexpected("four hexadecimal digits after `\\u`")?);
            };
            unit = 16 * unit + digit;
            self.text.skip()?;
        }
        Ok(unit)
    }
}

fn push(bytes: &mut Vec<u8>, character: Option<char>) {
    if let Some(character) = character {
        bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Returns whether a text is a number of JSON.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent
            .is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}
