/// Maximum number of texts or beams of a row. Each has its own key/value cache, so that more are
/// surely a mistake.
pub const MAX_SEQUENCES: usize = 4096;

/// The limit in words.
pub(super) const AT_MOST_SEQUENCES: &str = "at most 4096";
