use std::fmt;
use std::ops::AddAssign;

/// Counts of tokens for text outside the vocabulary of a tokenizer.
///
/// ```
/// use mtpt_tasks::UnknownTokens;
///
/// let mut counts = UnknownTokens::default();
/// counts.add(&[5, 2, 7, 2, 1], Some(2));
/// counts.add(&[5, 1], Some(2));
/// assert_eq!((counts.unknown, counts.tokens), (2, 7));
/// assert_eq!(
///     counts.to_string(),
///     "28.6 % of the input tokens (2 of 7) are unknown to the tokenizer, in 1 of 2 rows"
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnknownTokens {
    /// Number of unknown tokens.
    pub unknown: usize,
    /// Number of all tokens.
    pub tokens: usize,
    /// Number of rows with unknown tokens.
    pub unknown_rows: usize,
    /// Number of all rows.
    pub rows: usize,
}

impl UnknownTokens {
    /// Adds the tokens of a row. No token is unknown without a token for it.
    pub fn add(&mut self, ids: &[u32], unknown: Option<u32>) {
        let found = ids.iter().filter(|&&id| Some(id) == unknown).count();
        self.unknown += found;
        self.tokens += ids.len();
        self.unknown_rows += usize::from(found > 0);
        self.rows += 1;
    }

    /// Returns whether there are unknown tokens.
    pub fn any(&self) -> bool {
        self.unknown > 0
    }
}

impl AddAssign for UnknownTokens {
    fn add_assign(&mut self, other: Self) {
        self.unknown += other.unknown;
        self.tokens += other.tokens;
        self.unknown_rows += other.unknown_rows;
        self.rows += other.rows;
    }
}

impl fmt::Display for UnknownTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unknown, tokens, unknown_rows, rows } = self;
        let percent = 100.0 * *unknown as f64 / (*tokens).max(1) as f64;
        // One of many tokens is not 0.0 %.
        let percent = if percent < 0.05 { "less than 0.1".into() } else { format!("{percent:.1}") };
        let verb = if *unknown == 1 { "is" } else { "are" };
        write!(
            formatter,
            "{percent} % of the input tokens ({unknown} of {tokens}) {verb} unknown to the \
             tokenizer, in {unknown_rows} of {rows} rows"
        )
    }
}
