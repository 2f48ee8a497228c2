/// Minimum distance between the baselines of two labels, in units of the drawing.
const DISTANCE: f64 = 14.0;

/// Returns positions of labels, in the order given, that are at least [`DISTANCE`] apart and within
/// `top..=bottom`, as close as possible to the wanted positions from above.
pub(super) fn spread(wanted: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|first, second| wanted[*first].total_cmp(&wanted[*second]));
    let mut placed = wanted.to_vec();
    let mut least = top;
    for &label in &order {
        placed[label] = wanted[label].max(least);
        least = placed[label] + DISTANCE;
    }
    // Labels below the edge move up, and push those above them.
    let mut most = bottom;
    for &label in order.iter().rev() {
        placed[label] = placed[label].min(most);
        most = placed[label] - DISTANCE;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_dont_overlap() {
        assert_eq!(spread(&[50.0, 20.0], 0.0, 100.0), [50.0, 20.0]);
        assert_eq!(spread(&[50.0, 50.0, 49.0], 0.0, 100.0), [63.0, 77.0, 49.0]);
        assert_eq!(spread(&[99.0, 100.0], 0.0, 100.0), [86.0, 100.0]);
        assert_eq!(spread(&[], 0.0, 100.0), [] as [f64; 0]);
    }
}
