//! Tests of file access and of the tensor file formats.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg_attr(feature = "t5x", expect(clippy::print_stdout, reason = "a skipped test prints why"))]

// Files and folders appear completely or not at all; temporary files are removed.
mod atomic;
// Files that are replaced, truncated or overwritten while they are read.
#[cfg(feature = "tensors")]
mod changed_files;
// The hub for these tests, and those of other crates.
#[cfg(feature = "hub")]
mod fake_hub;
// Downloads from the hub: checked by size and digest, and kept within the cache.
#[cfg(feature = "hub")]
mod hub;
// Locks of folders.
mod lock;
// Safetensors files of 32-bit floats with metadata: written, read, and rejected if malformed.
#[cfg(feature = "tensors")]
mod named_tensors;
// `.npy` files of every kind: written, read, and rejected if damaged or not finite.
#[cfg(feature = "tensors")]
mod npy;
// Headers that claim more than their files contain.
#[cfg(feature = "t5x")]
mod claims;
// Pickles: they execute nothing, and their objects are within the limit of memory.
#[cfg(feature = "tensors")]
mod pickles;
// T5X checkpoints: those of flax and TensorStore are read, written ones have the bytes of flax, and
// damaged ones are rejected.
#[cfg(feature = "t5x")]
mod t5x;
