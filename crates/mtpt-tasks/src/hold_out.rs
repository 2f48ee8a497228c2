use std::collections::BTreeMap;

use crate::labels::Gold;
use crate::permutation::Permutation;

/// Which rows are held out for judging, as many of each label as their share tells, so that a rare label is on both sides.
///
/// Which ones follows from the number of rows of each label alone: a file has one development split, whatever the seed of
/// a run. A label's last row is never held out.
pub(crate) fn hold_out(gold: &[Gold], share: f64) -> Vec<bool> {
    let mut by_label: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (row, gold) in gold.iter().enumerate() {
        let label = match gold {
            Gold::Label(label) => Some(*label),
            // Scores are a scale, not kinds of rows.
            Gold::Score(_) => None,
        };
        by_label.entry(label).or_default().push(row);
    }
    let mut held_out = vec![false; gold.len()];
    for (label, rows) in by_label {
        let count = (share * rows.len() as f64).round() as usize;
        let drawn = Permutation::new(rows.len(), label.map_or(0, |label| label as u64 + 1));
        for place in 0..count.min(rows.len() - 1) {
            held_out[rows[drawn.get(place)]] = true;
        }
    }
    held_out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_label_has_its_share(
            labels in prop::collection::vec(0_usize..5, 1..200),
            share in 0.05_f64..0.95,
        ) {
            let gold: Vec<Gold> = labels.iter().copied().map(Gold::Label).collect();
            let held_out = hold_out(&gold, share);
            prop_assert_eq!(&held_out, &hold_out(&gold, share));
            for label in 0..5 {
                let rows = labels.iter().filter(|&&other| other == label).count();
                let held = labels.iter().zip(&held_out).filter(|&(&other, &held)| held && other == label);
                let held = held.count();
                prop_assert!(rows == 0 || held < rows);
                // A rounded share, unless that is all rows.
                prop_assert!((held as f64 - share * rows as f64).abs() <= 0.5 || held + 1 == rows);
            }
        }
    }

    #[test]
    fn scores_are_one_kind() {
        let gold: Vec<Gold> = (0..10).map(|score| Gold::Score(f64::from(score) / 2.0)).collect();
        assert_eq!(hold_out(&gold, 0.2).iter().filter(|&&held| held).count(), 2);
    }
}
