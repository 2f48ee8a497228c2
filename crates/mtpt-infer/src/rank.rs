use mtpt_core::{Backbone, Compose};
use mtpt_tasks::TokenizedExample;

use crate::candidates::Candidates;
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
        self.map_encoded(rows, batch_size, |_, encoded| {
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
        self.map_encoded(rows, batch_size, |part, encoded| {
            let candidates: Vec<&Candidates> = part.iter().map(|&row| &candidates[row]).collect();
            Candidates::log_probabilities_of_rows(&candidates, self.backbone(), encoded)
        })
    }
}
