use std::path::Path;

use crate::error::Result;
use crate::labels::gold::Gold;
use crate::sampling::error::SamplingError;
use crate::sampling::few_shot::FewShot;
use crate::sampling::hold_out::{by_label, hold_out};
use crate::sampling::permutation::Permutation;
use crate::sampling::splits::{Part, sampled};

/// Selection of a split's rows from those of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection {
    /// The part of the file that belongs to the split.
    pub(crate) part: Part,
    /// Few-shot sampling, applied to the part.
    pub(crate) few_shot: Option<FewShot>,
    /// Maximum number of rows, applied last.
    pub(crate) limit: Option<usize>,
    /// Seed that samples the rows up to the limit; the first rows are taken without one.
    pub(crate) seed: Option<u64>,
}

impl Selection {
    /// Returns whether the selection depends on all rows of the file.
    pub(crate) fn needs_all_rows(&self) -> bool {
        self.part != Part::Whole
            || self.seed.is_some() && self.limit.is_some()
            || self.few_shot.is_some()
    }

    /// Returns for each row of a file whether it is selected.
    ///
    /// The path and the label words are used in error messages.
    ///
    /// # Errors
    ///
    /// Returns [`SamplingError::HoldOut`] or [`SamplingError::FewShot`] if there are too few rows.
    pub(crate) fn select(
        &self,
        gold: &[Gold],
        path: &Path,
        label_words: &[String],
    ) -> Result<Vec<bool>> {
        let mut selected = select_part(self.part, gold, path)?;
        let remaining = |selected: &[bool]| -> Vec<usize> {
            (0..gold.len()).filter(|&row| selected[row]).collect()
        };
        if let Some(few_shot) = self.few_shot {
            let rows = remaining(&selected);
            let gold: Vec<Gold> = rows.iter().map(|&row| gold[row]).collect();
            let sampled = few_shot.sample(&gold).map_err(|(first, found)| {
                let label = match gold[first] {
                    Gold::Label(label) => label_words.get(label).cloned(),
                    _ => None,
                };
                let (path, expected) = (path.to_path_buf(), few_shot.per_label);
                SamplingError::FewShot { path, label, expected, found }
            })?;
            for (row, sampled) in rows.into_iter().zip(sampled) {
                selected[row] = sampled;
            }
        }
        if let Some(limit) = self.limit {
            let rows = remaining(&selected);
            let order = self.seed.map(|seed| Permutation::new(rows.len(), seed));
            selected.fill(false);
            for position in 0..limit.min(rows.len()) {
                selected[rows[order.map_or(position, |order| order.get(position))]] = true;
            }
        }
        Ok(selected)
    }
}

fn select_part(part: Part, gold: &[Gold], path: &Path) -> Result<Vec<bool>> {
    match part {
        Part::Whole => Ok(vec![true; gold.len()]),
        Part::Sampled { count, first } => Ok(sampled(gold.len(), count, first)),
        Part::HoldOut { share, held } => {
            let held_out = hold_out(gold, share);
            let dev = held_out.iter().filter(|&&held| held).count();
            let train = held_out.len() - dev;
            if dev == 0 || train == 0 {
                let path = path.to_path_buf();
                let all_differ = by_label(gold).iter().all(|rows| rows.len() == 1);
                return Err(SamplingError::HoldOut { path, share, train, dev, all_differ }.into());
            }
            Ok(held_out.into_iter().map(|row| row == held).collect())
        }
    }
}
