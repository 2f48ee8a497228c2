use mtpt_core::TaskIndex;

use crate::Part;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be wrong with a composition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A composition of no task.
    #[error("a composition needs at least one task, but was given none")]
    NoTask,
    /// A number of a configuration is out of its range.
    #[error("`{name}` must be between {lowest} and {highest}, found {found}")]
    OutOfRange {
        /// The option.
        name: &'static str,
        /// Smallest value.
        lowest: f64,
        /// Largest value.
        highest: f64,
        /// The value given.
        found: f64,
    },
    /// Heads of an attention do not divide its width.
    #[error("`inner` must be a multiple of `heads`, found {inner} and {heads}")]
    Heads {
        /// Number of heads.
        heads: usize,
        /// Width of all heads together.
        inner: usize,
    },
    /// Lines of tasks that make no tree.
    #[error("not a tree of tasks: {problem}")]
    Tree {
        /// What is wrong, by the numbers of nodes.
        problem: String,
    },
    /// A hierarchy has more or fewer strategies than its tree has levels.
    #[error(
        "`levels` must hold a strategy for each of the {expected} levels of the tree, the root's first, found {found}"
    )]
    Levels {
        /// Levels of the tree.
        expected: usize,
        /// Strategies given.
        found: usize,
    },
    /// A strategy cannot be a level of a hierarchy.
    #[error(
        "level {level}, counted from the root, 0: `{strategy}` cannot be a level, since it does not make a prompt of the one above"
    )]
    NoLevel {
        /// The level.
        level: usize,
        /// The strategy.
        strategy: &'static str,
    },
    /// Something is wrong with the strategy of a level.
    #[error("level {level}, counted from the root, 0: {source}")]
    InLevel {
        /// The level.
        level: usize,
        /// What is wrong.
        source: Box<Self>,
    },
    /// Tasks of one hierarchy would have prompts of different lengths.
    #[error(
        "the prompts of task {} and task {} would be {} and {} vectors long: a level that makes prompts longer must be one that \
         every task has",
        tasks[0], tasks[1], lengths[0], lengths[1]
    )]
    UnevenLengths {
        /// Two tasks.
        tasks: [TaskIndex; 2],
        /// The lengths of their prompts.
        lengths: [usize; 2],
    },
    /// All that there is to learn was left out of training.
    #[error("`frozen_levels` leaves nothing to learn: no other level has numbers of its own")]
    AllFrozen,
    /// A strategy that is not of this crate.
    #[error("`{name}` is a strategy of the program that names it, which alone can make it")]
    OwnStrategy {
        /// Its name.
        name: String,
    },
    /// A plain prompt was asked of a composition whose prompts depend on the inputs.
    #[error(
        "prompts of this composition depend on the input, so that no plain prompt, and no format of another program, can \
         stand for them; use the prompt file itself"
    )]
    ReadsInputs,
    /// First values of a part have the wrong shape.
    #[error("first values of {part}: expected shape {expected:?}, found {found:?}")]
    StartShape {
        /// The part.
        part: Part,
        /// The shape that the composition needs.
        expected: [usize; 2],
        /// The shape given.
        found: [usize; 2],
    },
    /// First values could not be made.
    #[error(transparent)]
    Start(#[from] mtpt_core::Error),
}
