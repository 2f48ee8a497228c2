//! Jobs that answer rows: `mtpt predict`, `generate` and `score`.

pub(crate) mod command;
pub(crate) mod job;
pub(crate) mod settings;
mod summary;
mod window;
