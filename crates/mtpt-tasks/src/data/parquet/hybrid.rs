use std::ops::Range;

use crate::data::parquet::thrift::varint;
use crate::data::parquet_problem::ColumnProblem;

/// Position in integers of a few bits that are repeated or packed: levels and indices.
pub(super) struct Hybrid {
    /// Bits of an integer, at most 32.
    width: usize,
    /// Remaining bytes of the page.
    bytes: Range<usize>,
    run: Run,
}

enum Run {
    Repeated {
        left: u64,
        value: u64,
    },
    /// Packed integers from one bit of the page to another.
    Packed {
        left: u64,
        bit: usize,
        end: usize,
    },
}

impl Hybrid {
    /// Creates a reader of bytes of a page.
    pub(super) fn new(width: usize, bytes: Range<usize>) -> Result<Self, ColumnProblem> {
        if width > 32 {
            return Err(ColumnProblem::Invalid { what: "integers of more than 32 bits" });
        }
        Ok(Self { width, bytes, run: Run::Repeated { left: 0, value: 0 } })
    }

    /// Creates a reader of levels up to a maximum.
    pub(super) fn levels(max: u16, bytes: Range<usize>) -> Result<Self, ColumnProblem> {
        Self::new((u16::BITS - max.leading_zeros()) as usize, bytes)
    }

    /// Returns the next integer.
    pub(super) fn next(&mut self, page: &[u8]) -> Result<u64, ColumnProblem> {
        loop {
            match &mut self.run {
                Run::Repeated { left, value } if *left > 0 => {
                    *left -= 1;
                    return Ok(*value);
                }
                Run::Packed { left, bit, end } if *left > 0 => {
                    let start = *bit;
                    *left -= 1;
                    *bit += self.width;
                    if *bit > *end {
                        return Err(ENDS);
                    }
                    return Ok(bits(page, start, self.width));
                }
                _ => self.run = self.next_run(page)?,
            }
        }
    }

    fn next_run(&mut self, page: &[u8]) -> Result<Run, ColumnProblem> {
        let rest = page.get(self.bytes.clone()).ok_or(ENDS)?;
        let (header, length) = varint(rest).ok_or(ENDS)?;
        let rest = &rest[length..];
        self.bytes.start += length;
        let count = header >> 1;
        if header & 1 == 0 {
            let length = self.width.div_ceil(8);
            let value = rest.get(..length).ok_or(ENDS)?;
            self.bytes.start += length;
            let value = value.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
            return Ok(Run::Repeated { left: count, value });
        }
        // Some writers truncate the last group of eight integers.
        let length = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(self.width))
            .map_or(rest.len(), |length| length.min(rest.len()));
        let start = self.bytes.start;
        self.bytes.start += length;
        let end = self.bytes.start * 8;
        Ok(Run::Packed { left: count.saturating_mul(8), bit: start * 8, end })
    }
}

const ENDS: ColumnProblem = ColumnProblem::Ends { what: "a run of levels or indices" };

/// Returns an integer of at most 64 bits that starts at a bit. The bits must be within the bytes.
pub(super) fn bits(bytes: &[u8], start: usize, width: usize) -> u64 {
    if width == 0 {
        return 0;
    }
    let (first, last) = (start / 8, (start + width - 1) / 8);
    let found =
        bytes[first..=last].iter().rev().fold(0_u128, |value, &byte| value << 8 | u128::from(byte));
    let mask = u64::MAX >> (64 - width);
    (found >> (start % 8)) as u64 & mask
}
