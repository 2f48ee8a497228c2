/// Where a number stands in an array: the index along each axis of the one that is so many-th, row after row.
pub fn place_of(position: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = position;
    let mut place: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let index = rest % size;
            rest /= size;
            index
        })
        .collect();
    place.reverse();
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_axis_by_axis() {
        assert_eq!(place_of(0, &[2, 3, 4]), [0, 0, 0]);
        assert_eq!(place_of(23, &[2, 3, 4]), [1, 2, 3]);
        assert_eq!(place_of(6, &[2, 3, 4]), [0, 1, 2]);
        assert!(place_of(0, &[]).is_empty());
    }
}
