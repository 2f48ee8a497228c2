//! The composition strategies, one file each, all with the same structure: configuration with
//! equation, source and option ranges; task-specific part; initialization; forward pass.
//!
//! `P` is the parent prompt: the shared prompt, or in a hierarchy the prompt of the group. `T_k` is
//! the task-specific part. A strategy knows neither the list of strategies nor the compositions.
//!
//! The trait `Strategy` is in `strategy.rs`. A new strategy is also listed in `config.rs`,
//! `task_part.rs` and `lib.rs`.

pub(crate) mod add;
pub(crate) mod attention;
pub(crate) mod concat;
pub(crate) mod concat_features;
pub(crate) mod gated;
pub(crate) mod instance_attention;
pub(crate) mod low_rank;
pub(crate) mod project;
pub(crate) mod separate;
pub(crate) mod weighted;
