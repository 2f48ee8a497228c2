use std::fmt;
use std::ops::AddAssign;

use crate::task::id::TaskId;
use crate::tokenize::Tokenize;

/// Share of unknown tokens from which on a tokenizer doesn't suit the texts.
const HIGH_SHARE: f64 = 0.02;
/// Advice for texts that a tokenizer doesn't suit.
const ADVICE: &str = "the model cannot read these parts of the texts; use a model whose tokenizer \
                      knows the language, or one that reads bytes (ByT5)";
/// Maximum number of characters that are named.
const NAMED_CHARACTERS: usize = 6;

/// Counts of tokens for text outside the vocabulary of a tokenizer, with some of its characters.
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
/// counts.add_characters("5 € 🙂", |character| !character.is_ascii());
/// assert!(counts.to_string().ends_with("in 1 of 2 rows: `€`, `🙂`"));
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
    /// Some of the unknown characters, in the order of their occurrence.
    characters: [Option<char>; NAMED_CHARACTERS],
}

impl UnknownTokens {
    /// Adds the tokens of a row. No token is unknown without a token for it. Returns whether the
    /// row has unknown tokens.
    pub fn add(&mut self, ids: &[u32], unknown: Option<u32>) -> bool {
        let found = ids.iter().filter(|&&id| Some(id) == unknown).count();
        self.unknown += found;
        self.tokens += ids.len();
        self.unknown_rows += usize::from(found > 0);
        self.rows += 1;
        found > 0
    }

    /// Adds a row: its tokens, and its unknown characters.
    pub fn add_text(&mut self, text: &str, ids: &[u32], tokenizer: &impl Tokenize) {
        let unknown = tokenizer.unknown_token();
        if self.add(ids, unknown) {
            let is_unknown = |character: char| {
                let ids = tokenizer.tokenize(character.encode_utf8(&mut [0; 4]));
                ids.is_ok_and(|ids| ids.iter().any(|&id| Some(id) == unknown))
            };
            self.add_characters(text, is_unknown);
        }
    }

    /// Returns a message about the unknown tokens of a task, if there are any: a warning with
    /// advice if there are so many that predictions suffer, otherwise a note.
    pub fn message(&self, task: &TaskId) -> Option<String> {
        if !self.any() {
            return None;
        }
        Some(if self.share() < HIGH_SHARE {
            format!("note: task `{task}`: {self}")
        } else {
            format!("warning: task `{task}`: {self}; {ADVICE}")
        })
    }

    /// Adds the unknown characters of a row with unknown tokens, as far as there is room for them.
    ///
    /// Only characters outside of ASCII are considered, because the tokens of a vocabulary of words
    /// don't contain single letters.
    pub fn add_characters(&mut self, text: &str, is_unknown: impl Fn(char) -> bool) {
        for character in text.chars().filter(|character| !character.is_ascii()) {
            if self.characters.iter().all(Option::is_some) {
                return;
            }
            if !self.characters.contains(&Some(character)) && is_unknown(character) {
                self.name(character);
            }
        }
    }

    fn name(&mut self, character: char) {
        if !self.characters.contains(&Some(character))
            && let Some(free) = self.characters.iter_mut().find(|place| place.is_none())
        {
            *free = Some(character);
        }
    }

    /// Returns whether there are unknown tokens.
    pub fn any(&self) -> bool {
        self.unknown > 0
    }

    fn share(&self) -> f64 {
        self.unknown as f64 / self.tokens.max(1) as f64
    }
}

impl AddAssign for UnknownTokens {
    fn add_assign(&mut self, other: Self) {
        self.unknown += other.unknown;
        self.tokens += other.tokens;
        self.unknown_rows += other.unknown_rows;
        self.rows += other.rows;
        other.characters.into_iter().flatten().for_each(|character| self.name(character));
    }
}

impl fmt::Display for UnknownTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unknown, tokens, unknown_rows, rows, .. } = self;
        let percent = 100.0 * self.share();
        // One of many tokens is not 0.0 %.
        let percent = if percent < 0.05 { "less than 0.1".into() } else { format!("{percent:.1}") };
        let verb = if *unknown == 1 { "is" } else { "are" };
        write!(
            formatter,
            "{percent} % of the input tokens ({unknown} of {tokens}) {verb} unknown to the \
             tokenizer, in {unknown_rows} of {rows} rows"
        )?;
        let mut separator = ": ";
        for character in self.characters.iter().flatten() {
            write!(formatter, "{separator}`{character}`")?;
            separator = ", ";
        }
        Ok(())
    }
}
