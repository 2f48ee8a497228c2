use crate::error::{Error, Result};
use crate::fields::Fields;
use crate::input::row::Row;

/// A command that answers rows.
pub(crate) trait RowCommand {
    /// A row that was checked and tokenized.
    type Input;

    /// Checks and tokenizes a row.
    ///
    /// # Errors
    ///
    /// When the row can't be answered.
    fn prepare(&self, row: &Row) -> Result<Self::Input>;

    /// Returns the task and the number of tokens of an input. Similar inputs are computed together.
    fn shape(&self, input: &Self::Input) -> (usize, usize);

    /// Returns the answers to inputs with given positions among all rows, any number per input.
    fn answer(
        &self,
        inputs: &[(usize, &Self::Input)],
        batch_size: usize,
    ) -> Result<Vec<Vec<Fields>>, Failure>;

    /// Returns the number of inputs for which the command is efficient.
    fn rows_at_a_time(&self) -> usize;

    /// Returns the names of the fields that answers may have, in their order.
    fn columns(&self) -> Vec<&'static str>;

    /// Returns remarks on the inputs so far that were not returned before.
    fn new_notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Prints remarks on all inputs, after the last one.
    fn report(&self);
}

/// Reason why inputs have no answers.
pub(crate) enum Failure {
    /// The result of one of the inputs is unusable.
    Input { problem: String },
    /// The command can't continue.
    Command(Box<Error>),
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Command(Box::new(error.into()))
    }
}
