//! Losses and their gradients.

pub(crate) mod cross_entropy;
pub(crate) mod distillation;
pub(crate) mod error;
pub(crate) mod fine_tuning;
pub(crate) mod hidden_states;
pub(crate) mod loss;
pub(crate) mod prompt_gradient;
pub(crate) mod prompt_tuning;
pub(crate) mod teacher_states;
pub(crate) mod teachers;
