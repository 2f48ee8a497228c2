use std::cmp::Reverse;

use crate::fields::Fields;
use crate::input::row::Row;
use crate::rows::command::{Failure, RowCommand};

/// Number of rows of the first window. It is small, so that answers appear soon.
const FIRST_ROWS: usize = 32;
/// Maximum number of rows that are sorted together. More rows would make batches only a little more
/// uniform.
const MAX_ROWS: usize = 1024;
/// Maximum number of tokens that are sorted together.
const MAX_TOKENS: usize = 1 << 17;

/// Number of rows that are collected before they are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Batching {
    /// As set by the user; also the maximum number of rows of a batch.
    Fixed(usize),
    /// Windows of this many rows, each twice as large as the one before it, which are sorted and
    /// computed in parts.
    Automatic(usize),
}

impl Batching {
    pub(crate) fn new(batch_size: Option<usize>) -> Self {
        batch_size.map_or(Self::Automatic(FIRST_ROWS), Self::Fixed)
    }

    /// Returns whether a window is full.
    pub(crate) fn is_full(self, rows: usize, tokens: usize) -> bool {
        match self {
            Self::Fixed(size) => rows >= size,
            Self::Automatic(size) => rows >= size || tokens >= MAX_TOKENS,
        }
    }

    /// Returns the size of the next window.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Fixed(size) => Self::Fixed(size),
            Self::Automatic(size) => Self::Automatic((2 * size).min(MAX_ROWS)),
        }
    }
}

/// A row of a window.
pub(crate) struct Item<I> {
    /// Position among all rows of the source.
    pub(crate) position: usize,
    /// `None` if the row can't be read.
    pub(crate) row: Option<Row>,
    pub(crate) state: State<I>,
}

pub(crate) enum State<I> {
    Ready(I),
    Answered(Vec<Fields>),
    Rejected(crate::error::Error),
}

/// Computes the answers of a window in parts of similar rows. After each part, `progress` gets its
/// number of rows, and returns whether to continue.
///
/// # Errors
///
/// When the command fails for another reason than a row. Parts before it are answered.
pub(crate) fn answer<C: RowCommand>(
    command: &C,
    items: &mut [Item<C::Input>],
    batching: Batching,
    mut progress: impl FnMut(usize) -> bool,
) -> crate::error::Result<()> {
    let mut order: Vec<usize> =
        (0..items.len()).filter(|&index| matches!(items[index].state, State::Ready(_))).collect();
    let (part_rows, batch_size) = match batching {
        Batching::Fixed(size) => (size, size),
        Batching::Automatic(_) => {
            let shape = |index: &usize| match &items[*index].state {
                State::Ready(input) => command.shape(input),
                State::Answered(_) | State::Rejected(_) => (0, 0),
            };
            order.sort_by_cached_key(|index| {
                let (task, tokens) = shape(index);
                (task, Reverse(tokens))
            });
            (command.rows_at_a_time(), usize::MAX)
        }
    };
    for part in order.chunks(part_rows.max(1)) {
        match answer_part(command, items, part, batch_size) {
            Ok(()) => {}
            // One of the rows has no usable result. Each is computed alone, to find out which.
            Err(Failure::Input { .. }) => {
                for index in part {
                    answer_alone(command, items, *index)?;
                }
            }
            Err(Failure::Command(error)) => return Err(*error),
        }
        if !progress(part.len()) {
            break;
        }
    }
    Ok(())
}

fn answer_part<C: RowCommand>(
    command: &C,
    items: &mut [Item<C::Input>],
    part: &[usize],
    batch_size: usize,
) -> Result<(), Failure> {
    let inputs: Vec<(usize, &C::Input)> = part
        .iter()
        .filter_map(|&index| match &items[index].state {
            State::Ready(input) => Some((items[index].position, input)),
            State::Answered(_) | State::Rejected(_) => None,
        })
        .collect();
    let answers = command.answer(&inputs, batch_size)?;
    for (&index, answers) in part.iter().zip(answers) {
        items[index].state = State::Answered(answers);
    }
    Ok(())
}

fn answer_alone<C: RowCommand>(
    command: &C,
    items: &mut [Item<C::Input>],
    index: usize,
) -> crate::error::Result<()> {
    match answer_part(command, items, &[index], 1) {
        Ok(()) => Ok(()),
        Err(Failure::Command(error)) => Err(*error),
        Err(Failure::Input { problem }) => {
            if let Some(row) = &items[index].row {
                items[index].state = State::Rejected(row.error(problem));
            }
            Ok(())
        }
    }
}
