//! One training run.

pub(crate) mod check;
pub(crate) mod identity;
pub(crate) mod non_finite;
pub(crate) mod observer;
pub(crate) mod pretrain;
pub(crate) mod progress;
pub(crate) mod train;
