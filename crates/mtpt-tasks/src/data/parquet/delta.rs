use std::ops::Range;

use crate::data::parquet::hybrid::bits;
use crate::data::parquet::thrift::varint;
use crate::data::parquet_problem::ColumnProblem;

type Result<T> = std::result::Result<T, ColumnProblem>;

/// Position in integers that are stored as differences, in blocks of several miniblocks.
pub(super) struct Delta {
    /// Remaining bytes of the page after the current miniblock.
    bytes: Range<usize>,
    /// Number of miniblocks of a block.
    miniblocks: usize,
    /// Number of values of a miniblock.
    length: usize,
    /// Number of remaining values.
    left: u64,
    value: i64,
    is_first: bool,
    minimum: i64,
    /// Positions of the widths of the remaining miniblocks of the block.
    widths: Range<usize>,
    miniblock: Miniblock,
}

/// Differences that are left of a miniblock.
struct Miniblock {
    left: usize,
    width: usize,
    bit: usize,
    end: usize,
}

impl Delta {
    /// Reads the header, which may not claim more values than a maximum.
    pub(super) fn new(page: &[u8], mut bytes: Range<usize>, max: u64) -> Result<Self> {
        let block = next_varint(page, &mut bytes)?;
        let miniblocks = next_varint(page, &mut bytes)?;
        let left = next_varint(page, &mut bytes)?;
        let value = signed(next_varint(page, &mut bytes)?);
        let length = block.checked_div(miniblocks).unwrap_or(0);
        let is_valid = length > 0 && length % 8 == 0 && block % miniblocks == 0;
        let (Ok(length), Ok(miniblocks), true) =
            (usize::try_from(length), usize::try_from(miniblocks), is_valid)
        else {
            return Err(ColumnProblem::Invalid { what: "differences in blocks of invalid sizes" });
        };
        if left > max {
            return Err(ColumnProblem::PageCount { claimed: left, available: max });
        }
        Ok(Self {
            bytes,
            miniblocks,
            length,
            left,
            value,
            is_first: true,
            minimum: 0,
            widths: 0..0,
            miniblock: Miniblock { left: 0, width: 0, bit: 0, end: 0 },
        })
    }

    /// Returns the next integer.
    pub(super) fn next(&mut self, page: &[u8]) -> Result<i64> {
        self.left = self.left.checked_sub(1).ok_or(ENDS)?;
        if self.is_first {
            self.is_first = false;
            return Ok(self.value);
        }
        while self.miniblock.left == 0 {
            self.next_miniblock(page)?;
        }
        let Miniblock { left, width, bit, end } = &mut self.miniblock;
        let start = *bit;
        *left -= 1;
        *bit += *width;
        if *bit > *end {
            return Err(ENDS);
        }
        // Differences wrap around.
        let difference = bits(page, start, *width).cast_signed();
        self.value = self.value.wrapping_add(self.minimum).wrapping_add(difference);
        Ok(self.value)
    }

    /// Returns the next integer as a length.
    pub(super) fn next_length(&mut self, page: &[u8]) -> Result<usize> {
        usize::try_from(self.next(page)?)
            .map_err(|_| ColumnProblem::Invalid { what: "a text of negative length" })
    }

    /// Returns the position after the integers.
    pub(super) fn end(mut self, page: &[u8]) -> Result<usize> {
        while self.left > 0 {
            self.next(page)?;
        }
        Ok(self.bytes.start)
    }

    fn next_miniblock(&mut self, page: &[u8]) -> Result<()> {
        if self.widths.is_empty() {
            self.minimum = signed(next_varint(page, &mut self.bytes)?);
            let start = self.bytes.start;
            if self.miniblocks > self.bytes.len() {
                return Err(ENDS);
            }
            self.bytes.start += self.miniblocks;
            self.widths = start..self.bytes.start;
        }
        let width = self.widths.next().and_then(|index| page.get(index)).ok_or(ENDS)?;
        let width = usize::from(*width);
        if width > 64 {
            return Err(ColumnProblem::Invalid { what: "differences of more than 64 bits" });
        }
        // The last miniblock may be truncated.
        let size = (self.length / 8).saturating_mul(width).min(self.bytes.len());
        let bit = self.bytes.start * 8;
        self.bytes.start += size;
        self.miniblock = Miniblock { left: self.length, width, bit, end: self.bytes.start * 8 };
        Ok(())
    }
}

const ENDS: ColumnProblem = ColumnProblem::Ends { what: "differences" };

fn next_varint(page: &[u8], bytes: &mut Range<usize>) -> Result<u64> {
    let (found, length) = page.get(bytes.clone()).and_then(varint).ok_or(ENDS)?;
    bytes.start += length;
    Ok(found)
}

fn signed(zigzag: u64) -> i64 {
    (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed()
}
