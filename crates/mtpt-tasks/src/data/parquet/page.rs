use std::ops::Range;

use crate::data::parquet::hybrid::Hybrid;
use crate::data::parquet::page_header::LevelBytes;
use crate::data::parquet::schema::Leaf;
use crate::data::parquet::values::{Dictionary, Values, next_length};
use crate::data::parquet_problem::ColumnProblem;

type Result<T> = std::result::Result<T, ColumnProblem>;

/// The encoding of levels that is read: runs and packed integers.
const RUNS: i32 = 3;

/// Levels of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Levels {
    pub(super) repetition: u16,
    pub(super) definition: u16,
}

/// A decompressed page of values, and the position in it.
pub(super) struct Page {
    bytes: Vec<u8>,
    /// Number of values that have not been read.
    left: u64,
    /// Levels with their maximum, if that is not zero.
    repetition: Option<(Hybrid, u16)>,
    definition: Option<(Hybrid, u16)>,
    values: Option<Values>,
}

impl Page {
    /// Creates the position at the start of a page with a number of values in an encoding.
    pub(super) fn new(
        bytes: Vec<u8>,
        leaf: &Leaf,
        (left, encoding): (u64, i32),
        levels: &LevelBytes,
    ) -> Result<Self> {
        let mut rest = 0..bytes.len();
        let (repetition, definition) = match *levels {
            LevelBytes::Inside { definition, repetition } => (
                inside(&bytes, &mut rest, leaf.max_repetition, repetition)?,
                inside(&bytes, &mut rest, leaf.max_definition, definition)?,
            ),
            LevelBytes::Before { definition, repetition, .. } => (
                before(&mut rest, leaf.max_repetition, repetition)?,
                before(&mut rest, leaf.max_definition, definition)?,
            ),
        };
        let values = leaf.is_read.then(|| Values::new(&bytes, rest, leaf.physical, encoding, left));
        let values = values.transpose()?;
        Ok(Self { bytes, left, repetition, definition, values })
    }

    /// Returns the size of the page.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the levels of the next value, or `None` at the end.
    pub(super) fn next_levels(&mut self) -> Result<Option<Levels>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let repetition = next_level(&mut self.repetition, &self.bytes)?;
        let definition = next_level(&mut self.definition, &self.bytes)?;
        Ok(Some(Levels { repetition, definition }))
    }

    /// Returns the next value that is not null.
    pub(super) fn next_value<'a>(
        &'a mut self,
        dictionary: Option<&'a Dictionary>,
    ) -> Result<&'a [u8]> {
        let Some(values) = &mut self.values else {
            return Err(ColumnProblem::Invalid { what: "no values" });
        };
        values.next(&self.bytes, dictionary)
    }
}

/// Creates the position of levels after their length.
fn inside(
    bytes: &[u8],
    rest: &mut Range<usize>,
    max: u16,
    encoding: i32,
) -> Result<Option<(Hybrid, u16)>> {
    if max == 0 {
        return Ok(None);
    }
    if encoding != RUNS {
        return Err(ColumnProblem::Encoding { code: encoding });
    }
    let length = next_length(bytes, rest)?;
    before(rest, max, length as u64)
}

/// Creates the position of levels that have a number of bytes.
fn before(rest: &mut Range<usize>, max: u16, length: u64) -> Result<Option<(Hybrid, u16)>> {
    let start = rest.start;
    match usize::try_from(length) {
        Ok(length) if length <= rest.len() => rest.start += length,
        _ => return Err(ColumnProblem::Ends { what: "levels" }),
    }
    if max == 0 {
        return Ok(None);
    }
    Ok(Some((Hybrid::levels(max, start..rest.start)?, max)))
}

fn next_level(levels: &mut Option<(Hybrid, u16)>, bytes: &[u8]) -> Result<u16> {
    let Some((levels, max)) = levels else { return Ok(0) };
    match u16::try_from(levels.next(bytes)?) {
        Ok(level) if level <= *max => Ok(level),
        _ => Err(ColumnProblem::Invalid { what: "a level above the maximum" }),
    }
}
