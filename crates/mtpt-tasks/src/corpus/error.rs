use crate::data::location::SourceLocation;
use crate::split::Split;
use crate::task::id::TaskId;

/// An invalid corpus.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// Two corpora, or a corpus and a task, have the same name.
    #[error("duplicate name `{name}`: each corpus and task needs a distinct name")]
    NameTaken {
        /// The name.
        name: TaskId,
    },
    /// A corpus has no training file.
    #[error("expected `train` to name at least one file, found none")]
    NoFile,
    /// An option belongs to another objective.
    #[error("`{option}` belongs to the objective `{owner}`, but the objective is `{objective}`")]
    NotOfObjective {
        /// The option.
        option: &'static str,
        /// The objective that has the option.
        owner: &'static str,
        /// The objective of the corpus.
        objective: &'static str,
    },
    /// Span corruption needs sentinel tokens, but the tokenizer has none.
    #[error(
        "`span_corruption` needs the sentinel tokens `<extra_id_0>`, `<extra_id_1>`, ..., but the \
         tokenizer has no `<extra_id_0>`"
    )]
    NoSentinel,
    /// The maximum lengths are too short for any text.
    #[error(
        "maximum lengths of {input} input and {target} target tokens, end of sentence included, \
         are too short for a text of two tokens; raise them"
    )]
    ChunkLengths {
        /// Maximum length of the input.
        input: usize,
        /// Maximum length of the target.
        target: usize,
    },
    /// The documents have less than two tokens.
    #[error(
        "expected a text of at least two tokens in the files of the split `{split}`, found none"
    )]
    NoChunk {
        /// The split.
        split: Split,
    },
    /// A text contains the end-of-sentence token.
    #[error("{location}: the text contains the end-of-sentence token; remove its characters")]
    EndInText {
        /// The document.
        location: SourceLocation,
    },
    /// A text contains a sentinel token.
    #[error("{location}: expected text without sentinel tokens, found `<extra_id_{number}>`")]
    SentinelInText {
        /// The document.
        location: SourceLocation,
        /// Number of the sentinel.
        number: usize,
    },
}
