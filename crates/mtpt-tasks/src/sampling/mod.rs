//! Sampling: the mixture of tasks, and the selection of a split's rows.
//!
//! All samples are pure functions of their seeds.

pub(crate) mod error;
pub(crate) mod few_shot;
mod hold_out;
pub(crate) mod limit;
pub(crate) mod mixture;
pub(crate) mod permutation;
pub(crate) mod rates;
pub(crate) mod selection;
pub(crate) mod splits;
pub(crate) mod stochastic;
mod torch_permutation;

pub use error::SamplingError;
pub use few_shot::FewShot;
pub use limit::Limit;
pub use mixture::{Mixture, Pick};
pub use rates::{MixtureConfig, Rates};
pub use splits::Splits;
pub use stochastic::StochasticTasks;
