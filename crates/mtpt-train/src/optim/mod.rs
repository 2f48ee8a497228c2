//! Optimizers and gradient clipping. Their settings are in `config/optimizer.rs`.

pub(crate) mod adafactor;
pub(crate) mod clip;
pub(crate) mod from_config;
pub(crate) mod parameter_group;
