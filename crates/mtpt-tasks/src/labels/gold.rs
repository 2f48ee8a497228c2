/// The gold label of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gold {
    /// Index of the word among [`Labels::words`](crate::Labels::words).
    Label(usize),
    /// Score as in the file, not rounded.
    Score(f64),
    /// Free text, which is in the row.
    Text,
}

/// The prediction for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prediction {
    /// Index of the word among [`Labels::words`](crate::Labels::words).
    Label(usize),
    /// A score.
    Score(f64),
    /// A text that is not a label word or number.
    Unknown,
}
