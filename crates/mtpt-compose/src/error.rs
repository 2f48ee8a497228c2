use mtpt_core::TaskIndex;

use crate::part_id::PartId;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An invalid configuration or use of a composition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A composition without tasks.
    #[error("a composition needs at least one task, but was given none")]
    NoTask,
    /// A configuration value out of its range.
    #[error("`{name}` must be between {lowest} and {highest}, found {found}")]
    OutOfRange {
        /// The option.
        name: &'static str,
        /// Smallest value.
        lowest: f64,
        /// Largest value.
        highest: f64,
        /// The given value.
        found: f64,
    },
    /// The number of attention heads doesn't divide the width.
    #[error("`inner` must be a multiple of `heads`, found {inner} and {heads}")]
    Heads {
        /// Number of heads.
        heads: usize,
        /// Width of all heads together.
        inner: usize,
    },
    /// Paths of tasks that form no tree.
    #[error("not a tree of tasks: {problem}")]
    Tree {
        /// The problem, by node numbers.
        problem: String,
    },
    /// A hierarchy whose number of strategies differs from the tree's number of levels.
    #[error(
        "`levels` must have one strategy for each of the {expected} levels of the tree, the \
         root's first, found {found}"
    )]
    Levels {
        /// Levels of the tree.
        expected: usize,
        /// Given strategies.
        found: usize,
    },
    /// A strategy that can't be a level of a hierarchy.
    #[error(
        "level {level} (the root is 0): `{strategy}` cannot be a level, because it does not \
         compute a prompt from its parent prompt"
    )]
    NoLevel {
        /// The level.
        level: usize,
        /// The strategy.
        strategy: &'static str,
    },
    /// An invalid strategy of a level.
    #[error("level {level} (the root is 0): {source}")]
    InLevel {
        /// The level.
        level: usize,
        /// The problem.
        source: Box<Self>,
    },
    /// Tasks of one hierarchy whose prompts have different lengths.
    #[error(
        "task {} and task {} would have prompts of {} and {} vectors: use a strategy that \
         lengthens prompts only at a level that every task has",
        tasks[0], tasks[1], lengths[0], lengths[1]
    )]
    UnevenLengths {
        /// Two tasks.
        tasks: [TaskIndex; 2],
        /// The lengths of their prompts.
        lengths: [usize; 2],
    },
    /// No trainable parameter is left.
    #[error("`frozen_levels` freezes every level that has parameters; remove at least one")]
    AllFrozen,
    /// A strategy that isn't part of this crate.
    #[error("`{name}` is a custom strategy, which only the program that defines it can create")]
    CustomStrategy {
        /// Name of the strategy.
        name: String,
    },
    /// A plain prompt was requested from a composition whose prompts depend on the input.
    #[error(
        "the prompts of this composition depend on the input, so they cannot be converted to \
         plain prompts or to another program's format; use the prompt file itself"
    )]
    ReadsInputs,
    /// Initial values of the wrong shape.
    #[error("initial values of {part}: expected shape {expected:?}, found {found:?}")]
    InitialShape {
        /// The part.
        part: PartId,
        /// The shape that the composition needs.
        expected: [usize; 2],
        /// The given shape.
        found: [usize; 2],
    },
    /// Initial values could not be computed.
    #[error(transparent)]
    Init(#[from] mtpt_core::Error),
}
