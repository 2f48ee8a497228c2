use mtpt_core::{Backbone, Compose, GenerateError, InputRow};
use mtpt_tasks::TokenizedExample;

use crate::error::{Error, Result};
use crate::prompted::Prompted;

impl<B: Backbone, C: Compose> Prompted<'_, B, C> {
    /// Generates tokens for each row with the decoding settings of the model, at most `max_length`
    /// of them. A model without settings decodes greedily.
    ///
    /// Each output ends with an end token unless it was stopped by `max_length`.
    ///
    /// # Errors
    ///
    /// [`Error::Generate`] if the model's decoding settings are not supported, or leave no token.
    pub fn generate(
        &self,
        rows: &[TokenizedExample],
        max_length: usize,
        batch_size: usize,
    ) -> Result<Vec<Vec<u32>>> {
        self.generate_at(rows, |row| row, max_length, batch_size)
    }

    /// Generates tokens for rows with given positions in the whole input, otherwise like
    /// [`generate`](Self::generate).
    pub(crate) fn generate_at(
        &self,
        rows: &[TokenizedExample],
        position: impl Fn(usize) -> usize + Sync,
        max_length: usize,
        batch_size: usize,
    ) -> Result<Vec<Vec<u32>>> {
        let failed = |source: GenerateError| Error::Generate { source };
        self.backbone().check_generation().map_err(failed)?;
        let texts = self.map_encoded(rows, batch_size, |part, encoded| {
            let input =
                |&row: &usize| InputRow { position: position(row), ids: &rows[row].input_ids };
            let inputs: Vec<InputRow<'_>> = part.iter().map(input).collect();
            self.backbone().generate_by_settings(encoded, &inputs, max_length)
        });
        texts.map_err(failed)
    }
}
