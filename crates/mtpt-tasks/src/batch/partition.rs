/// Partitions rows into groups of similar length, for evaluation in any order.
///
/// Rows are sorted by length, the longest first, so that a batch that is too large for memory fails
/// immediately. A group has at most `batch` rows (at least 1). Rows of equal length keep their
/// order.
pub fn group_by_length(lengths: &[usize], batch: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    order.chunks(batch.max(1)).map(<[usize]>::to_vec).collect()
}

/// Partitions rows into parts of similar length that are computed independently.
///
/// At most 5% of a part's tokens are padding, and a part has at most the given number of rows and
/// tokens. The longest rows come first; rows of equal length keep their order. A row with more
/// tokens than allowed is a part of its own.
pub fn parts_by_length(lengths: &[usize], most_rows: usize, most_tokens: usize) -> Vec<Vec<usize>> {
    const MOST_PADDING: f64 = 0.05;
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let (mut longest, mut tokens) = (0, 0);
    for row in order {
        let length = lengths[row];
        if let Some(part) = parts.last_mut() {
            let computed = (part.len() + 1) * longest;
            let padding = computed - (tokens + length);
            if part.len() < most_rows
                && computed <= most_tokens
                && padding as f64 <= MOST_PADDING * computed as f64
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
    use super::*;

    #[test]
    fn parts_have_little_padding_and_are_not_too_large() {
        let all = usize::MAX;
        assert_eq!(parts_by_length(&[100, 20, 96, 20, 95], all, all), [vec![0, 2, 4], vec![1, 3]]);
        // A fourth row of 90 would make 19 of 400 tokens padding, one of 84 makes it 25.
        assert_eq!(parts_by_length(&[100, 96, 95, 90], all, all), [vec![0, 1, 2, 3]]);
        assert_eq!(parts_by_length(&[100, 96, 95, 84], all, all), [vec![0, 1, 2], vec![3]]);
        assert_eq!(parts_by_length(&[7; 5], 2, all), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(parts_by_length(&[7; 5], all, 21), [vec![0, 1, 2], vec![3, 4]]);
        assert_eq!(parts_by_length(&[7, 8], all, 3), [vec![1], vec![0]]);
        assert!(parts_by_length(&[], 1, 1).is_empty());
    }

    #[test]
    fn groups_hold_every_row_once_and_similar_lengths() {
        assert_eq!(group_by_length(&[3, 9, 3, 5, 9], 2), [vec![1, 4], vec![3, 0], vec![2]]);
        assert_eq!(group_by_length(&[1, 2], 0), [vec![1], vec![0]]);
        assert!(group_by_length(&[], 4).is_empty());
    }
}
