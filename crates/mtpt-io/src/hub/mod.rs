//! Files of the Hugging Face hub, which are checked by size and digest.
//!
//! The cache and the endpoint are those of the hub's own programs, with the same environment
//! variables (`HF_HOME`, `HF_ENDPOINT`).

mod client;
mod digest;
mod error;
mod repository;
mod verified;

pub use client::Hub;
pub use error::DownloadError;
pub use repository::Repository;
