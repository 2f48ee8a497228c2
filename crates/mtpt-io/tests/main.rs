//! Tests of the public interface, one module for each subject.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod atomic;
mod lock;
#[cfg(feature = "tensors")]
mod named_tensors;
#[cfg(feature = "tensors")]
mod npy;
#[cfg(feature = "t5x")]
mod t5x;
