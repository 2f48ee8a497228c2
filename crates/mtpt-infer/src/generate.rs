use mtpt_core::{Backbone, Compose};
use mtpt_tasks::TokenizedExample;

use crate::prompted::Prompted;

impl<B: Backbone, C: Compose> Prompted<'_, B, C> {
    /// Generates tokens for each row by greedy decoding, at most `max_length` of them.
    ///
    /// Each output ends with the end-of-sentence token unless it was stopped by `max_length`.
    pub fn generate(
        &self,
        rows: &[TokenizedExample],
        max_length: usize,
        batch_size: usize,
    ) -> Vec<Vec<u32>> {
        self.map_encoded(rows, batch_size, |_, encoded| {
            self.backbone().generate_greedy(encoded, max_length)
        })
    }
}
