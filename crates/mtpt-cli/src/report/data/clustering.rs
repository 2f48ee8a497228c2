use kodama::{Method, linkage};

/// A hierarchical clustering by average linkage.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Clustering {
    /// Items in the order of the tree's leaves, so that similar items are adjacent.
    pub(crate) order: Vec<usize>,
    /// Merged clusters, the closest first.
    pub(crate) merges: Vec<Merge>,
}

/// Two clusters that become one. A number below the number of items is an item; the others are the
/// merges, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Merge {
    pub(crate) clusters: [usize; 2],
    pub(crate) distance: f64,
}

impl Clustering {
    /// Clusters items by their similarities, at most 1, of which a symmetric matrix is given.
    pub(crate) fn new(similarities: &[Vec<f64>]) -> Self {
        let count = similarities.len();
        let mut distances = Vec::with_capacity(count * count.saturating_sub(1) / 2);
        for (row, values) in similarities.iter().enumerate() {
            let known = values.iter().map(|value| if value.is_nan() { -1.0 } else { *value });
            distances.extend(known.skip(row + 1).map(|similarity| (1.0 - similarity).max(0.0)));
        }
        if count < 2 {
            return Self { order: (0..count).collect(), merges: Vec::new() };
        }
        let dendrogram = linkage(&mut distances, count, Method::Average);
        let mut members: Vec<Vec<usize>> = (0..count).map(|item| vec![item]).collect();
        let mut merges = Vec::with_capacity(count - 1);
        for step in dendrogram.steps() {
            let (mut first, mut second) = (step.cluster1, step.cluster2);
            // The cluster with the first item comes first, so that the order is stable.
            if members[first].iter().min() > members[second].iter().min() {
                (first, second) = (second, first);
            }
            members.push([members[first].as_slice(), &members[second]].concat());
            merges.push(Merge { clusters: [first, second], distance: step.dissimilarity });
        }
        Self { order: members.pop().unwrap_or_default(), merges }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_items_become_adjacent() {
        let similarities = [
            vec![1.0, 0.1, 0.9, 0.0],
            vec![0.1, 1.0, 0.2, 0.7],
            vec![0.9, 0.2, 1.0, 0.1],
            vec![0.0, 0.7, 0.1, 1.0],
        ];
        let Clustering { order, merges } = Clustering::new(&similarities);
        assert_eq!(order, [0, 2, 1, 3]);
        let clusters: Vec<[usize; 2]> = merges.iter().map(|merge| merge.clusters).collect();
        assert_eq!(clusters, [[0, 2], [1, 3], [4, 5]]);
        // The mean distance of the items of both clusters: (0.9 + 1.0 + 0.8 + 0.9) / 4.
        let distances: Vec<f64> = merges.iter().map(|merge| merge.distance).collect();
        for (found, expected) in distances.iter().zip([0.1, 0.3, 0.9]) {
            assert!((found - expected).abs() < 1e-12, "{distances:?}");
        }
    }

    #[test]
    fn few_or_undefined_items_are_clustered() {
        assert_eq!(Clustering::new(&[]), Clustering::default());
        assert_eq!(Clustering::new(&[vec![1.0]]).order, [0]);
        let undefined = [vec![f64::NAN; 3], vec![f64::NAN; 3], vec![f64::NAN; 3]];
        assert_eq!(Clustering::new(&undefined).order, [0, 1, 2]);
    }
}
