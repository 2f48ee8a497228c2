#![doc = include_str!("../README.md")]

mod content;
pub mod fs;

#[cfg(feature = "tensors")]
mod dtype;
#[cfg(feature = "tensors")]
mod error;
#[cfg(feature = "tensors")]
mod expansion;
#[cfg(feature = "tensors")]
mod finite;
#[cfg(feature = "hub")]
pub mod hub;
mod hub_id;
#[cfg(feature = "tensors")]
pub mod layout;
#[cfg(feature = "tensors")]
mod named_tensors;
#[cfg(feature = "tensors")]
pub mod npy;
#[cfg(feature = "tensors")]
mod npy_header;
#[cfg(feature = "tensors")]
mod npz;
#[cfg(feature = "tensors")]
mod open;
#[cfg(feature = "tensors")]
mod pickle;
#[cfg(feature = "tensors")]
mod pytorch;
#[cfg(feature = "tensors")]
pub mod safetensors;
#[cfg(feature = "tensors")]
mod sharded;
#[cfg(feature = "tensors")]
mod source;
#[cfg(feature = "t5x")]
pub mod t5x;

pub use content::ForeignContent;
#[cfg(feature = "tensors")]
pub use dtype::Dtype;
#[cfg(feature = "tensors")]
pub use error::TensorError;
#[cfg(feature = "tensors")]
pub use finite::{check_finite, first_non_finite};
pub use fs::IoError;
pub use hub_id::is_hub_id;
#[cfg(feature = "tensors")]
pub use named_tensors::NamedTensors;
#[cfg(feature = "tensors")]
pub use open::open;
#[cfg(feature = "tensors")]
pub use pytorch::PytorchFile;
#[cfg(feature = "tensors")]
pub use safetensors::SafetensorsFile;
#[cfg(feature = "tensors")]
pub use sharded::{ShardedFiles, shard_names};
#[cfg(feature = "tensors")]
pub use source::TensorSource;
