use std::convert::Infallible;

use mtpt_core::{Backbone, Compose, Encoded};
use mtpt_tasks::TokenizedExample;

use crate::candidates::Candidates;
use crate::error::{Error, Result};
use crate::prompted::Prompted;

impl<B: Backbone, C: Compose> Prompted<'_, B, C> {
    /// Returns the log-probability of every candidate for each row, in nats.
    ///
    /// The output has one vector per row, in the order of the rows, with one value per candidate.
    /// Batches hold rows of similar length, at most `batch_size` of them.
    pub fn rank(
        &self,
        rows: &[TokenizedExample],
        candidates: &Candidates,
        batch_size: usize,
    ) -> Vec<Vec<f64>> {
        self.map_scores(rows, batch_size, |_, encoded| {
            candidates.log_probabilities(self.backbone(), encoded)
        })
    }

    /// Returns the log-probability of every candidate for each row, where each row has candidates
    /// of its own. Otherwise the same as [`rank`](Self::rank).
    ///
    /// # Panics
    ///
    /// When `rows` and `candidates` have different lengths.
    pub fn rank_choices(
        &self,
        rows: &[TokenizedExample],
        candidates: &[Candidates],
        batch_size: usize,
    ) -> Vec<Vec<f64>> {
        assert_eq!(rows.len(), candidates.len(), "one set of candidates per row");
        self.map_scores(rows, batch_size, |part, encoded| {
            let candidates: Vec<&Candidates> = part.iter().map(|&row| &candidates[row]).collect();
            Candidates::log_probabilities_of_rows(&candidates, self.backbone(), encoded)
        })
    }

    /// Maps each encoded part of the rows to one vector of scores per row, which cannot fail.
    fn map_scores(
        &self,
        rows: &[TokenizedExample],
        batch_size: usize,
        score: impl Fn(&[usize], Encoded) -> Vec<Vec<f64>> + Sync,
    ) -> Vec<Vec<f64>> {
        let scores = self.map_encoded(rows, batch_size, |part, encoded| {
            Ok::<_, Infallible>(score(part, encoded))
        });
        scores.unwrap_or_else(|error| match error {})
    }
}

/// Rejects log-probabilities of the candidates of rows that are infinite or NaN.
///
/// # Errors
///
/// [`Error::NotFinite`] for the first row with one.
pub(crate) fn check_scores(scores: Vec<Vec<f64>>) -> Result<Vec<Vec<f64>>> {
    for (row, scores) in scores.iter().enumerate() {
        if let Some(&value) = scores.iter().find(|score| !score.is_finite()) {
            return Err(Error::NotFinite { row, location: None, value });
        }
    }
    Ok(scores)
}
