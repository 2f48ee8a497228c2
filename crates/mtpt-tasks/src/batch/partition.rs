use std::cmp::Reverse;

/// Limits of the parts of [`partition_by_length`]. The default is no limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PartitionLimits {
    /// Maximum number of rows; 0 is the same as 1.
    pub max_rows: usize,
    /// Maximum number of tokens, including padding to the longest row.
    pub max_tokens: usize,
    /// Maximum share of padding among the tokens, from 0 to 1.
    pub max_padding: f64,
}

impl Default for PartitionLimits {
    fn default() -> Self {
        Self { max_rows: usize::MAX, max_tokens: usize::MAX, max_padding: 1.0 }
    }
}

/// Partitions rows into parts of similar length that are computed independently.
///
/// Returns the indices of the rows of each part. The longest rows come first, so that a part that
/// is too large for memory fails immediately. Rows of equal length keep their order. A row that
/// exceeds a limit alone is a part of its own.
pub fn partition_by_length(lengths: &[usize], limits: PartitionLimits) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| Reverse(lengths[row]));
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let (mut longest, mut tokens) = (0, 0);
    for row in order {
        let length = lengths[row];
        if let Some(part) = parts.last_mut() {
            let computed = (part.len() + 1) * longest;
            let padding = computed - (tokens + length);
            if part.len() < limits.max_rows
                && computed <= limits.max_tokens
                && padding as f64 <= limits.max_padding * computed as f64
            {
                part.push(row);
                tokens += length;
                continue;
            }
        }
        parts.push(vec![row]);
        (longest, tokens) = (length, length);
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_have_little_padding_and_are_not_too_large() {
        let all = usize::MAX;
        let parts = |lengths: &[usize], max_rows, max_tokens| {
            let limits = PartitionLimits { max_rows, max_tokens, max_padding: 0.05 };
            partition_by_length(lengths, limits)
        };
        assert_eq!(parts(&[100, 20, 96, 20, 95], all, all), [vec![0, 2, 4], vec![1, 3]]);
        // A fourth row of 90 would make 19 of 400 tokens padding, one of 84 makes it 25.
        assert_eq!(parts(&[100, 96, 95, 90], all, all), [vec![0, 1, 2, 3]]);
        assert_eq!(parts(&[100, 96, 95, 84], all, all), [vec![0, 1, 2], vec![3]]);
        assert_eq!(parts(&[7; 5], 2, all), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(parts(&[7; 5], all, 21), [vec![0, 1, 2], vec![3, 4]]);
        assert_eq!(parts(&[7, 8], all, 3), [vec![1], vec![0]]);
        assert!(parts(&[], 1, 1).is_empty());
    }

    #[test]
    fn a_maximum_number_of_rows_alone_fills_parts() {
        let parts = |lengths: &[usize], max_rows| {
            partition_by_length(lengths, PartitionLimits { max_rows, ..PartitionLimits::default() })
        };
        assert_eq!(parts(&[3, 9, 3, 5, 9], 2), [vec![1, 4], vec![3, 0], vec![2]]);
        assert_eq!(parts(&[1, 2], 0), [vec![1], vec![0]]);
        assert!(parts(&[], 4).is_empty());
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_part(
            lengths in vec(0_usize..60, 0..40),
            max_rows in 0_usize..10,
            max_tokens in 0_usize..200,
            max_padding in 0.0..=1.0_f64,
        ) {
            let limits = PartitionLimits { max_rows, max_tokens, max_padding };
            let parts = partition_by_length(&lengths, limits);
            prop_assert!(parts.iter().all(|part| !part.is_empty()));
            let order = parts.concat();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..lengths.len()));
            let keys = order.iter().map(|&row| (Reverse(lengths[row]), row));
            prop_assert!(keys.is_sorted(), "{parts:?}");
        }

        #[test]
        fn parts_keep_the_limits(
            lengths in vec(0_usize..60, 0..40),
            max_rows in 0_usize..10,
            max_tokens in 0_usize..200,
            max_padding in 0.0..=1.0_f64,
        ) {
            let limits = PartitionLimits { max_rows, max_tokens, max_padding };
            for part in partition_by_length(&lengths, limits).iter().filter(|part| part.len() > 1) {
                let longest = part.iter().map(|&row| lengths[row]).max().unwrap_or(0);
                let tokens: usize = part.iter().map(|&row| lengths[row]).sum();
                let computed = part.len() * longest;
                prop_assert!(part.len() <= max_rows && computed <= max_tokens, "{part:?}");
                let padding = (computed - tokens) as f64;
                prop_assert!(padding <= max_padding * computed as f64, "{part:?}");
            }
        }

        #[test]
        fn parts_without_other_limits_are_full(
            lengths in vec(0_usize..60, 0..40),
            max_rows in 1_usize..10,
        ) {
            let limits = PartitionLimits { max_rows, ..PartitionLimits::default() };
            let parts = partition_by_length(&lengths, limits);
            prop_assert_eq!(parts.len(), lengths.len().div_ceil(max_rows));
            let full = parts.iter().rev().skip(1).all(|part| part.len() == max_rows);
            prop_assert!(full, "{:?}", parts);
        }
    }
}
