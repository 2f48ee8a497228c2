use std::io::BufRead;

use crate::data::error::DataError;
use crate::data::lines::Lines;
use crate::data::location::SourceLocation;
use crate::error::Result;

/// Maximum number of bytes that the quoted fields of a row have in lines other than its last. An
/// unclosed quote would otherwise collect the rest of a large file, and a compressed file of 1 MB
/// a row of 100 MB.
const MAX_CONTINUED: usize = 16 << 20;

/// Maximum number of fields of a row, far more than tables have. Each takes ten times the memory of
/// its separator.
pub(crate) const MAX_FIELDS: usize = 100_000;

/// The fields of a row.
pub(crate) struct FieldsOfRow {
    pub(crate) fields: Vec<String>,
    /// The first line.
    pub(crate) location: SourceLocation,
    pub(crate) last_line: usize,
    /// Whether a field was enclosed in quotes.
    pub(crate) quoted: bool,
}

/// Reads the next row with quoted fields (RFC 4180), or `None` at the end; empty lines are skipped.
///
/// A field in double quotes may contain separators, line breaks, which become line feeds, and
/// doubled quotes. Spaces around the quotes are ignored. A quote inside of another field is an
/// ordinary character.
///
/// The crate `csv` is not used, because it accepts text after a closing quote and quotes that are
/// never closed, and does not return their lines.
///
/// # Errors
///
/// As [`Lines::read`], [`DataError::OpenQuote`], [`DataError::TextAfterQuote`] and
/// [`DataError::TooManyFields`].
pub(crate) fn read_row<R: BufRead>(
    lines: &mut Lines<R>,
    separator: char,
) -> Result<Option<FieldsOfRow>> {
    let Some((line, location)) = lines.read()? else { return Ok(None) };
    let mut row =
        FieldsOfRow { fields: Vec::new(), last_line: location.line(), location, quoted: false };
    let mut line = line.to_owned();
    let (mut at, mut continued) = (0, 0);
    loop {
        if row.fields.len() == MAX_FIELDS {
            let (location, maximum) = (row.location, MAX_FIELDS);
            return Err(DataError::TooManyFields { location, maximum }.into());
        }
        let rest = &line[at..];
        let Some(quote) = opening_quote(rest, separator) else {
            let length = rest.find(separator);
            row.fields.push(rest[..length.unwrap_or(rest.len())].to_owned());
            match length {
                Some(length) => at += length + separator.len_utf8(),
                None => return Ok(Some(row)),
            }
            continue;
        };
        row.quoted = true;
        at += quote + 1;
        let opening = lines.location();
        let field = read_quoted(lines, &mut line, &mut at, &mut continued)?;
        row.last_line = lines.location().line();
        row.fields.push(field);
        at += leading_spaces(&line[at..]);
        let rest = &line[at..];
        if rest.is_empty() {
            return Ok(Some(row));
        }
        if !rest.starts_with(separator) {
            let (last_line, found) = (row.last_line, rest.chars().take(20).collect());
            let location = opening;
            return Err(DataError::TextAfterQuote { location, last_line, found }.into());
        }
        at += separator.len_utf8();
    }
}

/// Reads a quoted field after its opening quote, replacing the line where it extends over several,
/// and counting their bytes.
fn read_quoted<R: BufRead>(
    lines: &mut Lines<R>,
    line: &mut String,
    at: &mut usize,
    continued: &mut usize,
) -> Result<String> {
    let opening = lines.location();
    let mut field = String::new();
    loop {
        let rest = &line[*at..];
        match rest.find('"') {
            Some(length) => {
                field.push_str(&rest[..length]);
                *at += length + 1;
                if !line[*at..].starts_with('"') {
                    return Ok(field);
                }
                field.push('"');
                *at += 1;
            }
            None => {
                field.push_str(rest);
                field.push('\n');
                *continued += rest.len() + 1;
                match lines.read_any()? {
                    Some((next, _)) if *continued <= MAX_CONTINUED => next.clone_into(line),
                    _ => return Err(DataError::OpenQuote { location: opening }.into()),
                }
                *at = 0;
            }
        }
    }
}

/// Returns the position of the quote that encloses the field at the start of a text.
///
/// After spaces, a quote encloses a field only if it is closed before the next separator, because
/// it may be part of the text.
fn opening_quote(text: &str, separator: char) -> Option<usize> {
    let spaces = leading_spaces(text);
    let mut rest = text[spaces..].strip_prefix('"')?;
    if spaces == 0 {
        return Some(0);
    }
    loop {
        rest = &rest[rest.find('"')? + 1..];
        match rest.strip_prefix('"') {
            Some(after) => rest = after,
            None => break,
        }
    }
    let after = rest.trim_start_matches(' ');
    (after.is_empty() || after.starts_with(separator)).then_some(spaces)
}

fn leading_spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches(' ').len()
}

/// Returns whether a field is certainly enclosed in quotes: the quotes in it are all doubled, and
/// there is at least one.
pub(crate) fn is_quoted(field: &str) -> bool {
    let inner = field.strip_prefix('"').and_then(|field| field.strip_suffix('"'));
    inner.is_some_and(|inner| inner.contains("\"\"") && !inner.replace("\"\"", "").contains('"'))
}
