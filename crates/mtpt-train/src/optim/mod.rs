//! Optimizers, gradient clipping and the trainer that applies them.

pub(crate) mod adafactor;
pub(crate) mod clip;
pub(crate) mod trainer;
