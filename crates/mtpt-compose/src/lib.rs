#![doc = include_str!("../README.md")]

mod add;
mod composition;
mod concat;
mod error;
mod gated;
mod low_rank;
mod parameter_count;
mod range;
mod separate;
mod start;
mod weighted;

pub use add::{Add, AddConfig};
pub use composition::{Composition, CompositionConfig};
pub use concat::{Concat, ConcatConfig};
pub use error::{Error, Result};
pub use gated::{GateInput, Gated, GatedConfig};
pub use low_rank::{LowRank, LowRankConfig};
pub use parameter_count::ParameterCount;
pub use separate::{Separate, SeparateConfig};
pub use start::Start;
pub use weighted::{Weighted, WeightedConfig};
