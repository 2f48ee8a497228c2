//! What each command does, one file for each.

pub(crate) mod eval;
pub(crate) mod generate;
pub(crate) mod predict;
pub(crate) mod pretrain;
pub(crate) mod score;
pub(crate) mod train;
