//! Input rows of `mtpt predict`, `generate` and `score`.

pub(crate) mod notes;
pub(crate) mod row;
pub(crate) mod row_stream;
pub(crate) mod source;
