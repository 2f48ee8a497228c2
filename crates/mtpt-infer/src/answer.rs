use serde::{Serialize, Serializer};
use serde_json::Value;

/// Answer for a row.
///
/// It is serialized as the [fields](Self::fields) with probabilities, which for scores on a scale
/// are omitted.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Most probable label.
    Label {
        /// The label as the task's data files have it.
        label: String,
        /// Its label word.
        word: String,
        /// Log-probability of the word of each label in nats, by label.
        scores: Vec<(String, f64)>,
    },
    /// Most probable of a row's own candidates.
    Choice {
        /// The label that the task's data files use for this candidate.
        label: String,
        /// Text of the candidate.
        text: String,
        /// Log-probability of each candidate in nats, by label.
        scores: Vec<(String, f64)>,
    },
    /// Most probable score on a scale.
    Score {
        /// The score.
        value: f64,
        /// The score with the digits of its scale.
        word: String,
        /// Log-probability of each score in nats, with the digits of the scale.
        scores: Vec<(String, f64)>,
    },
    /// Any number of labels.
    Labels {
        /// Labels in the generated text, as the task's data files have them, in their order.
        labels: Vec<String>,
        /// Their label words.
        words: Vec<String>,
        /// The generated text.
        text: String,
    },
    /// Generated text, for tasks whose labels are free text or unknown.
    Text {
        /// The text.
        text: String,
    },
}

/// Values of the labels in the [fields](Answer::fields) of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelScores {
    /// Probability relative to the other labels. The sum is 1.
    #[default]
    Probabilities,
    /// Log-probability of the label's text in nats, among all texts that the model could generate.
    LogProbabilities,
    /// Nothing.
    Omitted,
}

impl Answer {
    /// Returns the label as the task's data files have it, or `None` for generated text.
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::Label { label, .. } | Self::Choice { label, .. } => Some(label),
            Self::Score { word, .. } => Some(word),
            Self::Labels { .. } | Self::Text { .. } => None,
        }
    }

    /// Returns the labels, if the task has any number of them per row.
    pub fn labels(&self) -> Option<&[String]> {
        match self {
            Self::Labels { labels, .. } => Some(labels),
            _ => None,
        }
    }

    /// Returns the score, if the task has a scale.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Score { value, .. } => Some(*value),
            _ => None,
        }
    }

    /// Returns the generated text, or the text of the most probable candidate.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Choice { text, .. } | Self::Labels { text, .. } | Self::Text { text } => {
                Some(text)
            }
            Self::Label { .. } | Self::Score { .. } => None,
        }
    }

    /// Returns the label, or the generated text of a task without ranked labels.
    pub fn as_str(&self) -> &str {
        self.label().or(self.text()).unwrap_or_default()
    }

    /// Returns the log-probability of each label's text in nats, by label. Generated text has none.
    pub fn scores(&self) -> &[(String, f64)] {
        match self {
            Self::Label { scores, .. }
            | Self::Choice { scores, .. }
            | Self::Score { scores, .. } => scores,
            Self::Labels { .. } | Self::Text { .. } => &[],
        }
    }

    /// Returns the log-probability of a label's text in nats.
    pub fn score(&self, label: &str) -> Option<f64> {
        self.scores().iter().find(|(name, _)| name == label).map(|&(_, score)| score)
    }

    /// Returns the probability of each label relative to the others, in the order of the labels.
    pub fn probabilities(&self) -> impl Iterator<Item = (&str, f64)> {
        let scores = self.scores();
        let best = scores.iter().map(|&(_, score)| score).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|(_, score)| (score - best).exp()).sum();
        scores.iter().map(move |(name, score)| (name.as_str(), (score - best).exp() / sum))
    }

    /// Returns the probability of the answer's label relative to the other labels or candidates, or
    /// `None` for generated text.
    pub fn probability(&self) -> Option<f64> {
        let found = self.label()?;
        self.probabilities().find(|(label, _)| *label == found).map(|(_, value)| value)
    }

    /// Returns the names and values of the answer as JSON.
    ///
    /// | answer | fields |
    /// |---|---|
    /// | [`Label`](Self::Label) | `label`, `word` if it is another text, `probability`, `scores` |
    /// | [`Choice`](Self::Choice) | `label`, `text`, `probability`, `scores` |
    /// | [`Score`](Self::Score) | `label`, a number; `probability`, `scores` |
    /// | [`Labels`](Self::Labels) | `labels`, `words` if they are other texts, `text` |
    /// | [`Text`](Self::Text) | `text` |
    ///
    /// Probabilities have six significant digits, log-probabilities five decimals: single precision
    /// has no more.
    pub fn fields(&self, scores: LabelScores) -> Vec<(&'static str, Value)> {
        let mut fields = Vec::new();
        match self {
            Self::Label { label, word, .. } => {
                fields.push(("label", label.as_str().into()));
                if word != label {
                    fields.push(("word", word.as_str().into()));
                }
            }
            Self::Choice { label, text, .. } => {
                fields.push(("label", label.as_str().into()));
                fields.push(("text", text.as_str().into()));
            }
            // The word keeps whole numbers of a scale of integers without a decimal point.
            Self::Score { value, word, .. } => {
                let number = serde_json::from_str(word).unwrap_or_else(|_| (*value).into());
                fields.push(("label", number));
            }
            Self::Labels { labels, words, text } => {
                fields.push(("labels", labels.clone().into()));
                if words != labels {
                    fields.push(("words", words.clone().into()));
                }
                fields.push(("text", text.as_str().into()));
            }
            Self::Text { text } => fields.push(("text", text.as_str().into())),
        }
        if let Some(probability) = self.probability() {
            fields.push(("probability", six_digits(probability).into()));
            match scores {
                LabelScores::Omitted => {}
                LabelScores::Probabilities => {
                    let scores = self.probabilities();
                    let scores = scores.map(|(name, value)| (name, six_digits(value).into()));
                    fields.push(("scores", object(scores)));
                }
                LabelScores::LogProbabilities => {
                    let scores = self.scores().iter();
                    let scores =
                        scores.map(|(name, value)| (name.as_str(), five_decimals(*value).into()));
                    fields.push(("scores", object(scores)));
                }
            }
        }
        fields
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.fields(match self {
            Self::Score { .. } => LabelScores::Omitted,
            _ => LabelScores::Probabilities,
        }))
    }
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Rounds a number to six significant digits.
fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Rounds a number to five decimals.
fn five_decimals(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scores(values: &[(&str, f64)]) -> Vec<(String, f64)> {
        values.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn labels_have_probabilities_that_sum_to_one() {
        let (label, word) = ("Shipping".to_owned(), "shipping".to_owned());
        let scores = scores(&[("Billing", -3.0 - 4.0_f64.ln()), ("Shipping", -3.0)]);
        let answer = Answer::Label { label, word, scores };
        let expected = json!({
            "label": "Shipping", "word": "shipping", "probability": 0.8,
            "scores": { "Billing": 0.2, "Shipping": 0.8 }
        });
        assert_eq!(serde_json::to_value(&answer).unwrap(), expected);
        let fields = answer.fields(LabelScores::LogProbabilities);
        assert_eq!(fields[3].1, json!({ "Billing": -4.38629, "Shipping": -3.0 }));
        assert_eq!(answer.fields(LabelScores::Omitted).len(), 3);
        assert_eq!((answer.label(), answer.score("Shipping")), (Some("Shipping"), Some(-3.0)));
        assert_eq!((answer.score("shipping"), answer.text()), (None, None));
    }

    #[test]
    fn scores_of_a_scale_are_numbers() {
        let score = |value: f64, word: &str| Answer::Score {
            value,
            word: word.to_owned(),
            scores: scores(&[(word, -1.0)]),
        };
        let json = |answer: &Answer| serde_json::to_string(answer).unwrap();
        assert_eq!(json(&score(1.2, "1.2")), r#"{"label":1.2,"probability":1.0}"#);
        assert_eq!(json(&score(3.0, "3")), r#"{"label":3,"probability":1.0}"#);
        assert_eq!(score(1.2, "1.2").value(), Some(1.2));
    }

    #[test]
    fn generated_text_has_no_probability() {
        let labels = ["red", "blue"].map(str::to_owned).to_vec();
        let text = "red, blue".to_owned();
        let answer = Answer::Labels { words: labels.clone(), labels, text };
        let expected = json!({ "labels": ["red", "blue"], "text": "red, blue" });
        assert_eq!(serde_json::to_value(&answer).unwrap(), expected);
        assert_eq!((answer.probability(), answer.as_str()), (None, "red, blue"));
        let answer = Answer::Text { text: "yes".to_owned() };
        assert_eq!(serde_json::to_value(&answer).unwrap(), json!({ "text": "yes" }));
    }
}
