use serde::{Serialize, Serializer};

/// Answer for a row.
///
/// It is serialized as `{"label": ..., "scores": {...}}`, `{"labels": [...], "text": ...}` or
/// `{"text": ...}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Most likely label word or candidate.
    Label {
        /// The label word or the text of the candidate. A score is formatted as its label words.
        label: String,
        /// Label in the task's data files, if it is not the same text.
        #[serde(skip_serializing_if = "Option::is_none")]
        raw_label: Option<String>,
        /// Log-probability of each label word, or of the candidate in each field, in nats.
        #[serde(serialize_with = "serialize_scores")]
        scores: Vec<(String, f64)>,
    },
    /// Any number of labels.
    Labels {
        /// Label words in the generated text, in the order of the labels.
        labels: Vec<String>,
        /// Labels in the task's data files, if they are not the same texts.
        #[serde(skip_serializing_if = "Option::is_none")]
        raw_labels: Option<Vec<String>>,
        /// The generated text.
        text: String,
    },
    /// Generated text, for tasks whose labels are free text or unknown.
    Text {
        /// The text.
        text: String,
    },
}

impl Answer {
    /// Returns the label or the generated text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Label { label, .. } => label,
            Self::Labels { text, .. } | Self::Text { text } => text,
        }
    }

    /// Returns the probability of the label relative to the other label words or candidates, or
    /// `None` for generated text.
    pub fn probability(&self) -> Option<f64> {
        let Self::Label { scores, .. } = self else { return None };
        let best = scores.iter().map(|&(_, score)| score).fold(f64::NEG_INFINITY, f64::max);
        Some(1.0 / scores.iter().map(|(_, score)| (score - best).exp()).sum::<f64>())
    }
}

fn serialize_scores<S: Serializer>(
    scores: &[(String, f64)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(scores.iter().map(|(name, score)| (name, score)))
}
