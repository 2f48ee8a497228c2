/// What a row's label means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gold {
    /// Index of its word among [`Labels::words`].
    Label(usize),
    /// A score as the file has it, not rounded.
    Score(f64),
    /// Free text; the row has it.
    Text,
}

/// What was predicted for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Prediction {
    /// Index of a word among [`Labels::words`].
    Label(usize),
    /// A score.
    Score(f64),
    /// A text that is no label word, or no number.
    Unknown,
}
