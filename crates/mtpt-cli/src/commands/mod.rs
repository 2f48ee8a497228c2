//! The commands, one module each.

pub(crate) mod adapt;
pub(crate) mod completions;
pub(crate) mod devices;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod overview;
pub(crate) mod predict;
pub(crate) mod pretrain;
pub(crate) mod report;
pub(crate) mod score;
pub(crate) mod train;
