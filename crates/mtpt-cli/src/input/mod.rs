//! Input rows of `mtpt predict`, `generate` and `score`.

pub(crate) mod batches;
pub(crate) mod row;
