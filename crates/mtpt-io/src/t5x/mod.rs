//! Checkpoints of [T5X](https://github.com/google-research/t5x).
//!
//! A checkpoint is a folder such as `checkpoint_1000000`. It has a msgpack file `checkpoint`, which
//! `flax.serialization` writes, and a folder in zarr's second format for each array that is too
//! large for that file (`target.encoder.layers_0.attention.query.kernel/.zarray`). [`Checkpoint`]
//! reads the parameters, `target`, one array at a time. The optimizer's state is skipped.
//!
//! ```no_run
//! use mtpt_io::TensorSource;
//! use mtpt_io::t5x::Checkpoint;
//!
//! let checkpoint = Checkpoint::open("t5_1_1_base/checkpoint_1000000".as_ref())?;
//! let table = checkpoint.read("target.token_embedder.embedding")?;
//! assert_eq!(table.shape()[..], [32128, 768]);
//! # Ok::<(), mtpt_io::TensorError>(())
//! ```

pub(crate) mod checkpoint;
pub(crate) mod error;
mod msgpack;
mod write;
mod zarr;
mod zarr_description;

pub use checkpoint::{CHECKPOINT_FILE, Checkpoint};
pub use error::Error;
pub use write::{checkpoint_bytes, write};
