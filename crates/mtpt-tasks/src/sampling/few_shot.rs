use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::labels::gold::Gold;
use crate::sampling::hold_out::by_label;
use crate::sampling::permutation::Permutation;

/// Few-shot sampling of the training split: the same number of rows for each label, or that number
/// in total if targets are not labels.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `per_label` | | number of rows of each label, at least 1 |
/// | `seed` | 0 | seed of the sampling |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FewShot {
    /// Number of rows of each label.
    pub per_label: usize,
    /// Seed of the sampling. The rows of a label depend on the seed and the rows of that label
    /// only.
    #[serde(default)]
    pub seed: u64,
}

impl FewShot {
    /// Returns for each row whether it is sampled. The error is the first row of a label with too
    /// few rows, and their number.
    pub(crate) fn sample(self, gold: &[Gold]) -> Result<Vec<bool>, (usize, usize)> {
        let mut sampled = vec![false; gold.len()];
        for rows in by_label(gold) {
            if rows.len() < self.per_label {
                return Err((rows[0], rows.len()));
            }
            let order = Permutation::new(rows.len(), self.seed);
            for position in 0..self.per_label {
                sampled[rows[order.get(position)]] = true;
            }
        }
        Ok(sampled)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gold(labels: &[usize]) -> Vec<Gold> {
        labels.iter().copied().map(Gold::Label).collect()
    }

    /// Returns for each row with a label whether it is sampled.
    fn sampled_of(label: usize, labels: &[usize], sampled: &[bool]) -> Vec<bool> {
        let rows = labels.iter().zip(sampled).filter(|&(&other, _)| other == label);
        rows.map(|(_, &sampled)| sampled).collect()
    }

    proptest! {
        #[test]
        fn samples_each_label_independently(
            mut labels in prop::collection::vec(0_usize..4, 0..60),
            others in prop::collection::vec(1_usize..4, 60),
            per_label in 1_usize..4,
            seed: u64,
        ) {
            // Enough rows of each label.
            labels.extend((0..16).map(|row| row % 4));
            let few_shot = FewShot { per_label, seed };
            let sampled = few_shot.sample(&gold(&labels)).unwrap();
            for label in 0..4 {
                let count = sampled_of(label, &labels, &sampled).iter().filter(|&&sampled| sampled).count();
                prop_assert_eq!(count, per_label);
            }
            prop_assert_eq!(&few_shot.sample(&gold(&labels)).unwrap(), &sampled);
            // The sampled rows of label 0 do not depend on the other rows.
            let mut mixed = Vec::new();
            for (&label, other) in labels.iter().zip(others.iter().cycle()) {
                mixed.extend([*other; 2]);
                mixed.extend((label == 0).then_some(0));
            }
            mixed.extend((1..4).flat_map(|label| [label; 4]));
            let again = few_shot.sample(&gold(&mixed)).unwrap();
            prop_assert_eq!(sampled_of(0, &mixed, &again), sampled_of(0, &labels, &sampled));
        }
    }

    #[test]
    fn samples_scores_as_one_group() {
        let scores: Vec<Gold> = (0..40).map(|row| Gold::Score(f64::from(row) / 8.0)).collect();
        let mut seen: Vec<Vec<bool>> =
            (0..50).map(|seed| FewShot { per_label: 4, seed }.sample(&scores).unwrap()).collect();
        assert!(seen.iter().all(|sampled| sampled.iter().filter(|&&sampled| sampled).count() == 4));
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 50);
        let few_shot = FewShot { per_label: 2, seed: 0 };
        assert_eq!(few_shot.sample(&gold(&[1, 1, 0, 1])), Err((2, 1)));
    }
}
