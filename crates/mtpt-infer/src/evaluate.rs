use mtpt_core::{Backbone, Compose};
use mtpt_tasks::{Evaluation, Split};

use crate::error::{Error, Result};
use crate::prompted::Prompted;
use crate::rank::check_scores;
use crate::row_predictions::{RankedRow, RowPredictions};
use crate::task_data::TaskData;

impl<B: Backbone, C: Compose> Prompted<'_, B, C> {
    /// Evaluates a split of a task: by ranking its label words, by ranking the candidates of each
    /// row, or by generating text up to the maximum target length. Text is generated with the
    /// decoding settings of the model; without any, greedily.
    ///
    /// Metric values are fractions.
    ///
    /// # Errors
    ///
    /// [`Error::Generate`] when the model's decoding settings are not supported,
    /// [`Error::Detokenize`] when generated tokens cannot be converted to text, and
    /// [`Error::NotFinite`] when a log-probability is infinite or NaN.
    pub fn evaluate(&self, data: &TaskData, split: Split, batch_size: usize) -> Result<Evaluation> {
        self.predict_rows(data, split, batch_size)?.evaluate(data, split)
    }

    /// Predicts the rows of a split of a task, as [`evaluate`](Self::evaluate) does.
    ///
    /// # Errors
    ///
    /// As [`evaluate`](Self::evaluate).
    pub fn predict_rows(
        &self,
        data: &TaskData,
        split: Split,
        batch_size: usize,
    ) -> Result<RowPredictions> {
        let (rows, labels) = (data.rows(split), data.task().labels());
        if labels.is_text() {
            let max_length = data.max_lengths().target;
            let texts = self.generate(rows, max_length, batch_size)?;
            let texts = texts.iter().map(|ids| data.text(ids)).collect::<Result<Vec<_>>>()?;
            return Ok(RowPredictions::Generated(texts));
        }
        let scores = if labels.choice_fields().is_some() {
            self.rank_choices(rows, data.choices(split), batch_size)
        } else {
            self.rank(rows, data.candidates(), batch_size)
        };
        let scores = check_scores(scores).map_err(|error| located(error, data, split))?;
        let rows = rows.iter().zip(scores);
        let ranked = rows.map(|(row, scores)| RankedRow::new(labels, row.gold, &scores));
        Ok(RowPredictions::Ranked(ranked.collect::<Result<_>>()?))
    }
}

/// Adds the location of the row to the error about its result, if the file still has it.
fn located(error: Error, data: &TaskData, split: Split) -> Error {
    match error {
        Error::NotFinite { row, value, .. } => {
            let instance = data.task().stream(split).ok().and_then(|mut rows| rows.nth(row));
            let location =
                instance.and_then(|instance| instance.ok()).map(|instance| instance.location);
            Error::NotFinite { row, location, value }
        }
        error => error,
    }
}
