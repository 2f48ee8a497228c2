/// Returns the number of elements of a shape, or `None` if it exceeds `usize`, as it may by the
/// claims of a file.
pub fn element_count(shape: &[usize]) -> Option<usize> {
    // A product with a factor of 0 is 0, wherever it is.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_beyond_the_range_are_unknown() {
        assert_eq!(element_count(&[]), Some(1));
        assert_eq!(element_count(&[3, 4]), Some(12));
        assert_eq!(element_count(&[1 << 32, 1 << 32]), None);
        assert_eq!(element_count(&[1 << 32, 1 << 32, 0]), Some(0));
    }
}
