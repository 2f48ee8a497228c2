use std::ops::Range;

use crate::data::parquet::delta::Delta;
use crate::data::parquet::hybrid::{Hybrid, bits};
use crate::data::parquet::meaning::Physical;
use crate::data::parquet_problem::ColumnProblem;

type Result<T> = std::result::Result<T, ColumnProblem>;

/// Position in the encoded values of a page, which are decoded one by one.
pub(super) struct Values {
    encoding: Encoding,
    /// Remaining bytes of the page.
    bytes: Range<usize>,
    /// A value that isn't in the page as it is.
    value: Vec<u8>,
}

enum Encoding {
    /// Values of a number of bytes.
    Fixed(usize),
    /// Byte strings after their lengths.
    Prefixed,
    /// Booleans from a bit of the page.
    Bits(usize),
    RunsOfBits(Hybrid),
    /// Indices of dictionary entries.
    Indices(Hybrid),
    /// Integers of a number of bytes.
    Differences(Delta, usize),
    /// Byte strings after all of their lengths.
    Lengths(Delta),
    /// Byte strings that start as the previous one: lengths of these starts and of the rest.
    Prefixes(Delta, Delta),
    /// First bytes of all values, then second bytes, and so on: number of bytes, and of values.
    Split(usize, usize),
}

impl Values {
    /// Creates the position of the first value in bytes of a page. There are at most `max` values.
    pub(super) fn new(
        page: &[u8],
        bytes: Range<usize>,
        physical: Physical,
        code: i32,
        max: u64,
    ) -> Result<Self> {
        let mut bytes = bytes;
        let encoding = match (code, physical, physical.width()) {
            (0, Physical::Boolean, _) => Encoding::Bits(bytes.start * 8),
            (0, Physical::Bytes, _) => Encoding::Prefixed,
            (0, _, Some(width)) => Encoding::Fixed(width),
            (2 | 8, physical, _) if physical != Physical::Boolean => {
                // A page without values may be empty.
                let width = page.get(bytes.start).filter(|_| !bytes.is_empty());
                bytes.start = bytes.end.min(bytes.start + 1);
                let width = width.copied().unwrap_or(0).into();
                Encoding::Indices(Hybrid::new(width, bytes.clone())?)
            }
            (3, Physical::Boolean, _) => {
                let length = next_length(page, &mut bytes)?;
                let end = bytes.start + length;
                Encoding::RunsOfBits(Hybrid::new(1, bytes.start..end)?)
            }
            (5, Physical::Int32 | Physical::Int64, Some(width)) => {
                Encoding::Differences(Delta::new(page, bytes.clone(), max)?, width)
            }
            (6, Physical::Bytes, _) => lengths(page, &mut bytes, max).map(Encoding::Lengths)?,
            (7, Physical::Bytes | Physical::Fixed(_), _) => {
                let prefixes = Delta::new(page, bytes.clone(), max)?;
                bytes.start = Delta::new(page, bytes.clone(), max)?.end(page)?;
                Encoding::Prefixes(prefixes, lengths(page, &mut bytes, max)?)
            }
            (9, _, Some(width)) => {
                // Every value has a byte in the first stream.
                let count = bytes.len().checked_div(width).unwrap_or(0);
                bytes.end = bytes.start + count;
                Encoding::Split(width, count)
            }
            _ => return Err(ColumnProblem::Encoding { code }),
        };
        Ok(Self { encoding, bytes, value: Vec::new() })
    }

    /// Returns the bytes of the next value.
    pub(super) fn next<'a>(
        &'a mut self,
        page: &'a [u8],
        dictionary: Option<&'a Dictionary>,
    ) -> Result<&'a [u8]> {
        let bytes = &mut self.bytes;
        match &mut self.encoding {
            Encoding::Fixed(width) => return take(page, bytes, *width),
            Encoding::Prefixed => {
                let length = next_length(page, bytes)?;
                return take(page, bytes, length);
            }
            Encoding::Bits(bit) => {
                if *bit >= bytes.end * 8 {
                    return Err(ENDS);
                }
                self.value = vec![bits(page, *bit, 1) as u8];
                *bit += 1;
            }
            Encoding::RunsOfBits(runs) => self.value = vec![runs.next(page)? as u8],
            Encoding::Indices(indices) => {
                let index = indices.next(page)?;
                return dictionary.map_or(Err(missing(index, 0)), |entries| entries.get(index));
            }
            Encoding::Differences(integers, width) => {
                self.value = integers.next(page)?.to_le_bytes()[..*width].to_vec();
            }
            Encoding::Lengths(lengths) => {
                let length = lengths.next_length(page)?;
                return take(page, bytes, length);
            }
            Encoding::Prefixes(prefixes, lengths) => {
                let prefix = prefixes.next_length(page)?;
                if prefix > self.value.len() {
                    let what = "a text that shares more with the previous one than its length";
                    return Err(ColumnProblem::Invalid { what });
                }
                let length = lengths.next_length(page)?;
                self.value.truncate(prefix);
                self.value.extend_from_slice(take(page, bytes, length)?);
            }
            Encoding::Split(width, count) => {
                if bytes.start == bytes.end {
                    return Err(ENDS);
                }
                let (start, count) = (bytes.start, *count);
                let value = (0..*width).map(|index| page.get(start + index * count).copied());
                self.value = value.collect::<Option<_>>().ok_or(ENDS)?;
                bytes.start += 1;
            }
        }
        Ok(&self.value)
    }
}

/// Reads the lengths of byte strings, whose bytes follow.
fn lengths(page: &[u8], bytes: &mut Range<usize>, max: u64) -> Result<Delta> {
    let lengths = Delta::new(page, bytes.clone(), max)?;
    bytes.start = Delta::new(page, bytes.clone(), max)?.end(page)?;
    Ok(lengths)
}

/// Reads a length of four bytes, which is within the remaining bytes.
pub(super) fn next_length(page: &[u8], bytes: &mut Range<usize>) -> Result<usize> {
    let length = take(page, bytes, 4)?;
    let length = length.iter().rev().fold(0, |length, &byte| length << 8 | usize::from(byte));
    if length > bytes.len() { Err(ENDS) } else { Ok(length) }
}

fn take<'a>(page: &'a [u8], bytes: &mut Range<usize>, length: usize) -> Result<&'a [u8]> {
    if length > bytes.len() {
        return Err(ENDS);
    }
    let start = bytes.start;
    bytes.start += length;
    page.get(start..bytes.start).ok_or(ENDS)
}

const ENDS: ColumnProblem = ColumnProblem::Ends { what: "a value" };

/// Values of a column to which pages refer by index.
pub(super) struct Dictionary {
    page: Vec<u8>,
    entries: Entries,
}

enum Entries {
    /// Number of entries, and bytes of each.
    Fixed(usize, usize),
    /// Ends of byte strings, each of which starts four bytes after the previous one.
    Prefixed(Vec<u32>),
}

impl Dictionary {
    /// Number of bytes in memory per byte of the page, because each entry has at least four.
    pub(super) const BYTES: usize = 2;

    /// Creates the dictionary of a number of values in a page.
    pub(super) fn new(page: Vec<u8>, physical: Physical, count: u64) -> Result<Self> {
        let entries = match physical.width() {
            Some(0) | None if physical != Physical::Bytes => {
                return Err(ColumnProblem::Encoding { code: 0 });
            }
            Some(width) => {
                let entries = page.len() / width;
                if count > entries as u64 {
                    return Err(ENDS);
                }
                Entries::Fixed(entries, width)
            }
            None => {
                let mut rest = 0..page.len();
                let mut ends = Vec::new();
                for _ in 0..count {
                    let length = next_length(&page, &mut rest)?;
                    take(&page, &mut rest, length)?;
                    ends.push(u32::try_from(rest.start).map_err(|_| ENDS)?);
                }
                Entries::Prefixed(ends)
            }
        };
        Ok(Self { page, entries })
    }

    /// Returns the size of the page.
    pub(super) fn len(&self) -> usize {
        self.page.len()
    }

    fn get(&self, index: u64) -> Result<&[u8]> {
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        match &self.entries {
            &Entries::Fixed(count, width) if at < count => {
                Ok(&self.page[at * width..(at + 1) * width])
            }
            &Entries::Fixed(count, _) => Err(missing(index, count)),
            Entries::Prefixed(ends) => {
                let end = ends.get(at).ok_or_else(|| missing(index, ends.len()))?;
                let before = at.checked_sub(1).map_or(0, |before| ends[before]);
                Ok(&self.page[before as usize + 4..*end as usize])
            }
        }
    }
}

fn missing(index: u64, entries: usize) -> ColumnProblem {
    ColumnProblem::Dictionary { index, entries }
}
