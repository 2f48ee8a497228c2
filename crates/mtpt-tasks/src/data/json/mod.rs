//! JSON as programs write it: one object per line, or an array of objects.
//!
//! `serde_json` is not used for rows: it rejects `NaN` and halves of surrogate pairs, which
//! Python's `json` writes, changes the digits of numbers, drops the first of two equal keys, and
//! needs the whole text of an array.

mod characters;
pub(crate) mod error;
mod parser;
pub(crate) mod rows;
pub(crate) mod value;
