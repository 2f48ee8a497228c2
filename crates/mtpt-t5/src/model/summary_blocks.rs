use burn::tensor::{Bool, Tensor};

/// Number of the block in which a token without a whole block is.
const NONE: i64 = -1;

/// Partition of each row's tokens into blocks of a fixed size, one for each summary of
/// transient-global attention.
///
/// Tokens after the last whole block belong to it. A row with less tokens than a block has no
/// summary. Only tokens count, so that the blocks don't depend on padding.
pub(crate) struct SummaryBlocks {
    /// Block of each position, `[batch][length]`, or [`NONE`].
    pub(crate) ids: Vec<Vec<i64>>,
    /// Number of blocks of each row.
    pub(crate) counts: Vec<usize>,
}

impl SummaryBlocks {
    /// Returns the blocks of rows.
    ///
    /// # Shapes
    ///
    /// - `mask`: `[batch, length]`, `true` for tokens
    pub(crate) fn of_mask(mask: Tensor<2, Bool>, size: usize) -> Self {
        let [_, length] = mask.dims();
        let mask: Vec<bool> = mask.into_data().iter::<bool>().collect();
        let numbers = numbers(length, size);
        let rows = mask.chunks(length.max(1)).map(|row| row_ids(row, &numbers, size));
        let (ids, counts) = rows.unzip();
        Self { ids, counts }
    }

    /// Returns the largest number of blocks of a row.
    pub(crate) fn count(&self) -> usize {
        self.counts.iter().max().copied().unwrap_or(0)
    }
}

/// Returns the block of each position of a row, and the number of blocks.
fn row_ids(mask: &[bool], numbers: &[i64], size: usize) -> (Vec<i64>, usize) {
    let tokens = mask.iter().filter(|is_token| **is_token).count();
    let last = (tokens / size) as i64 - 1;
    let mut rank = 0;
    let ids = mask.iter().map(|is_token| {
        if !is_token {
            return NONE;
        }
        rank += 1;
        numbers[rank - 1].min(last)
    });
    let ids: Vec<i64> = ids.collect();
    let count = ids.iter().max().map_or(0, |last| last + 1);
    (ids, count as usize)
}

/// Returns the block of each token of a row whose blocks are all whole.
///
/// Like in transformers, these are sums of `1 / size` in f32 (which torch adds up in f64), rounded
/// down. For a size that is a power of two they are exact. For others, a token at the start of a
/// block may be in the block before it.
fn numbers(length: usize, size: usize) -> Vec<i64> {
    let share = 1.0 / size as f32;
    let mut sum = 0.0_f64;
    let number = |_| {
        sum += f64::from(share);
        let before = sum as f32 - share;
        (1.0 + before - 1.0).floor() as i64
    };
    (0..length).map(number).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn blocks(rows: &[&[u8]], size: usize) -> SummaryBlocks {
        let mask: Vec<bool> = rows.concat().iter().map(|&value| value == 1).collect();
        let mask = TensorData::new(mask, [rows.len(), rows[0].len()]);
        SummaryBlocks::of_mask(Tensor::from_data(mask, &Device::flex()), size)
    }

    #[test]
    fn the_last_tokens_belong_to_the_last_whole_block() {
        let found =
            blocks(&[&[1; 9], &[1, 1, 1, 1, 1, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 0]], 2);
        let expected: [&[i64]; 3] =
            [&[0, 0, 1, 1, 2, 2, 3, 3, 3], &[0, 0, 1, 1, 1, -1, -1, -1, -1], &[-1; 9]];
        assert_eq!(found.ids, expected);
        assert_eq!(found.counts, [4, 2, 0]);
        assert_eq!(found.count(), 4);
    }

    #[test]
    fn blocks_do_not_depend_on_padding() {
        let found = blocks(&[&[0, 0, 1, 1, 0, 1, 1, 1], &[1, 1, 1, 1, 1, 0, 0, 0]], 2);
        assert_eq!(found.ids[0], [-1, -1, 0, 0, -1, 1, 1, 1]);
        assert_eq!(found.counts, [2, 2]);
    }

    #[test]
    fn powers_of_two_are_exact() {
        for size in [1, 2, 4, 16, 32] {
            let expected: Vec<i64> = (0..70_000).map(|index| index / size as i64).collect();
            assert!(numbers(70_000, size) == expected, "{size}");
        }
    }
}
