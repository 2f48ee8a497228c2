//! Names of the sentinels, which replace spans of text in pretraining.

/// Number of sentinels that T5 appends to the pieces of its SentencePiece model.
pub(crate) const T5_SENTINELS: usize = 100;

/// Number of sentinels that ByT5 appends to the bytes.
pub(crate) const BYT5_SENTINELS: usize = 125;

/// Returns the text of a sentinel.
pub(crate) fn sentinel(number: usize) -> String {
    format!("<extra_id_{number}>")
}

/// Returns the number of a sentinel by its text.
pub(crate) fn number_of(text: &str) -> Option<u32> {
    let number = text.strip_prefix("<extra_id_")?.strip_suffix('>')?.parse().ok()?;
    (sentinel(number as usize) == text).then_some(number)
}

/// Returns the names of a sentinel in vocabularies: mT5's begin with the mark of a space.
pub(crate) fn names(number: usize) -> [String; 2] {
    [sentinel(number), format!("▁{}", sentinel(number))]
}
