//! Checkpoints of [T5X](https://github.com/google-research/t5x), and the prompts that
//! [prompt-tuning](https://github.com/google-research/prompt-tuning) keeps in them.
//!
//! A checkpoint is a folder, `checkpoint_1000000` or so, with a msgpack file `checkpoint`, as `flax.serialization` writes
//! it, and a folder in zarr's second format for each array that is too large for that file
//! (`target.encoder.layers_0.attention.query.kernel/.zarray`).
//! [`Checkpoint`] reads the parameters, `target`, one array at a time; the optimizer's state is passed over.
//!
//! prompt-tuning keeps a prompt in three forms, and the first of them is here:
//!
//! - in a checkpoint of T5X: [`prompts`] reads them, [`write()`] writes one;
//! - in `numpy_checkpoints/checkpoint_{step}/encoder.prompt.prompt.prompt`, which is a `.npy` file without the ending;
//! - as a `.npy` file, the form in which that project's prompts were published.
//!
//! ```no_run
//! use mtpt_io::t5x::{Checkpoint, prompts};
//!
//! let checkpoint = Checkpoint::open("t5_1_1_base/checkpoint_1000000".as_ref())?;
//! let table = checkpoint.read("target.token_embedder.embedding")?;
//! assert_eq!(table.shape, [32128, 768]);
//!
//! let trained = Checkpoint::open("prompt/checkpoint_1130000".as_ref())?;
//! for prompt in prompts(&trained)? {
//!     assert_eq!(prompt.array.values.len(), prompt.array.shape.iter().product::<usize>());
//! }
//! # Ok::<(), mtpt_io::t5x::Error>(())
//! ```

mod array;
mod checkpoint;
mod error;
mod msgpack;
mod number_type;
mod prompts;
mod write;
mod zarr_folder;

pub use array::Array;
pub use checkpoint::{CHECKPOINT_FILE, Checkpoint};
pub use error::{Error, Result};
pub use prompts::{Prompt, PromptKind, prompts};
pub use write::{PROMPT_NAME, SHARED_PROMPT_NAME, TASK_PROMPTS_NAME, checkpoint_bytes, write};
