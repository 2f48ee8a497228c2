use std::collections::BTreeMap;

use crate::labels::gold::Gold;
use crate::sampling::permutation::Permutation;

/// Fixed seed: a file has one validation split, whatever the seed of a run.
const SEED: u64 = 0;

/// Returns for each row whether it is held out for validation, stratified by label.
///
/// If a label's share is not an integer, the shares with the largest remainders are rounded up
/// until the total share is reached; of equal remainders, that of the label that occurs first. A
/// label's last row is never held out. The order of labels in the configuration has no effect.
pub(crate) fn hold_out(gold: &[Gold], share: f64) -> Vec<bool> {
    let groups = by_label(gold);
    let mut held_out = vec![false; gold.len()];
    for (rows, count) in groups.iter().zip(counts(&groups, share)) {
        let order = Permutation::new(rows.len(), SEED);
        for position in 0..count {
            held_out[rows[order.get(position)]] = true;
        }
    }
    held_out
}

/// Returns the rows of each label, in the order of first occurrence. Rows without a label form one
/// group.
pub(crate) fn by_label(gold: &[Gold]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut by_label: BTreeMap<Option<usize>, usize> = BTreeMap::new();
    for (row, gold) in gold.iter().enumerate() {
        let label = match gold {
            Gold::Label(label) => Some(*label),
            // Scores and free text are not classes.
            Gold::Score(_) | Gold::Text => None,
        };
        let group = *by_label.entry(label).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(row);
    }
    groups
}

/// Returns the number of rows held out of each group.
fn counts(groups: &[Vec<usize>], share: f64) -> Vec<usize> {
    let exact: Vec<f64> = groups.iter().map(|rows| share * rows.len() as f64).collect();
    let most = |group: usize| groups[group].len() - 1;
    let mut counts: Vec<usize> =
        exact.iter().enumerate().map(|(group, exact)| (*exact as usize).min(most(group))).collect();
    let mut left = (exact.iter().sum::<f64>().round() as usize).saturating_sub(counts.iter().sum());
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    for group in order {
        if left > 0 && exact[group].fract() > 0.0 && counts[group] < most(group) {
            counts[group] += 1;
            left -= 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(labels: &[usize]) -> Vec<Gold> {
        labels.iter().copied().map(Gold::Label).collect()
    }

    proptest! {
        #[test]
        fn is_stratified_by_label(
            labels in prop::collection::vec(0_usize..5, 1..200),
            share in 0.05_f64..0.95,
        ) {
            let gold = self::labels(&labels);
            let held_out = hold_out(&gold, share);
            for label in 0..5 {
                let rows = labels.iter().filter(|&&other| other == label).count();
                let held = labels.iter().zip(&held_out).filter(|&(&other, &held)| held && other == label);
                let held = held.count();
                prop_assert!(rows == 0 || held < rows);
                // Rounded up or down, unless that is all rows.
                prop_assert!((held as f64 - share * rows as f64).abs() < 1.0 || held + 1 == rows);
            }
            // The order of labels in the configuration has no effect.
            let renamed: Vec<usize> = labels.iter().map(|label| 4 - label).collect();
            prop_assert_eq!(hold_out(&self::labels(&renamed), share), held_out);
        }
    }

    #[test]
    fn rounds_the_shares_of_rare_labels_together() {
        let gold = labels(&(0..20).map(|row| row / 2).collect::<Vec<_>>());
        let held_out = hold_out(&gold, 0.2);
        assert_eq!(held_out.iter().filter(|&&held| held).count(), 4);
        assert!(held_out.chunks(2).all(|rows| rows != [true, true]));
    }

    #[test]
    fn scores_form_one_group() {
        let gold: Vec<Gold> = (0..10).map(|score| Gold::Score(f64::from(score) / 2.0)).collect();
        assert_eq!(hold_out(&gold, 0.2).iter().filter(|&&held| held).count(), 2);
    }
}
