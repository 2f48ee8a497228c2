//! Predictions as labels of the data files.

use crate::labels::gold::Prediction;
use crate::labels::labels::Labels;

impl Labels {
    /// Returns a prediction as in the data files: the label, or a score with the digits of the
    /// scale. Empty for an unknown prediction.
    pub fn raw_text(&self, prediction: Prediction) -> String {
        match prediction {
            Prediction::Label(index) => {
                self.raw(index).map_or_else(|| self.text(prediction), str::to_owned)
            }
            Prediction::Score(_) | Prediction::Unknown => self.text(prediction),
        }
    }

    /// Returns a generated text as in the data files: the labels that it names, separated by
    /// commas, or the text itself if labels are free text.
    pub fn raw_answer(&self, text: &str) -> String {
        match (self.multi_labels(), self.labels_in(text)) {
            (Some((raw, _)), Some(found)) => {
                found.iter().map(|&label| raw[label].as_str()).collect::<Vec<_>>().join(", ")
            }
            _ => text.to_owned(),
        }
    }
}
