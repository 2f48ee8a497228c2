//! Optimizers and gradient clipping.

pub(crate) mod adafactor;
pub(crate) mod build;
pub(crate) mod clip;
pub(crate) mod parameter_group;
