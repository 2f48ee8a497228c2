//! Several runs in a row: teachers, sources, targets.

pub(crate) mod execute;
pub(crate) mod few_shot;
pub(crate) mod nearest;
