#![doc = include_str!("../README.md")]

pub mod fs;
#[cfg(feature = "tensors")]
pub mod layout;
#[cfg(feature = "tensors")]
mod named_tensors;
#[cfg(feature = "tensors")]
pub mod npy;
#[cfg(feature = "t5x")]
pub mod t5x;
#[cfg(feature = "tensors")]
mod tensor_error;

pub use fs::IoError;
#[cfg(feature = "tensors")]
pub use named_tensors::NamedTensors;
#[cfg(feature = "tensors")]
pub use tensor_error::TensorError;
