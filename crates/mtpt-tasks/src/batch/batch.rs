use crate::batch::error::BatchError;
use crate::batch::example::TokenizedExample;
use crate::error::Result;

/// An example in a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchRow {
    /// The example.
    pub example: TokenizedExample,
    /// Index of the example in its task's split.
    pub index: usize,
}

/// Examples that are computed together, as tokens of different lengths.
///
/// A batch has no padding: it is added where rows are uploaded to a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    rows: Vec<BatchRow>,
}

impl Batch {
    /// Creates a batch of rows.
    ///
    /// # Errors
    ///
    /// Returns [`BatchError::Empty`] for no rows.
    pub fn new(rows: Vec<BatchRow>) -> Result<Self> {
        if rows.is_empty() { Err(BatchError::Empty.into()) } else { Ok(Self { rows }) }
    }

    /// Creates a batch of examples whose indices are their positions in the batch.
    ///
    /// # Errors
    ///
    /// Returns [`BatchError::Empty`] for no examples.
    pub fn of_examples<'a>(
        examples: impl IntoIterator<Item = &'a TokenizedExample>,
    ) -> Result<Self> {
        let examples = examples.into_iter().cloned().enumerate();
        Self::new(examples.map(|(index, example)| BatchRow { example, index }).collect())
    }

    /// Returns the rows, at least one.
    pub fn rows(&self) -> &[BatchRow] {
        &self.rows
    }

    /// Returns the examples of all rows.
    pub fn examples(&self) -> impl ExactSizeIterator<Item = &TokenizedExample> {
        self.rows.iter().map(|row| &row.example)
    }

    /// Returns the number of target tokens.
    pub fn target_tokens(&self) -> usize {
        self.examples().map(|example| example.target_ids.len()).sum()
    }
}

impl From<BatchRow> for Batch {
    fn from(row: BatchRow) -> Self {
        Self { rows: vec![row] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(task: usize, input_ids: &[u32], target_ids: &[u32]) -> TokenizedExample {
        TokenizedExample {
            task,
            input_ids: input_ids.into(),
            target_ids: target_ids.into(),
            label: None,
            gold: None,
        }
    }

    #[test]
    fn rows_keep_their_tokens_tasks_and_indices() {
        let examples = [example(1, &[5, 6, 1], &[8, 1]), example(0, &[7, 1], &[9, 9, 1])];
        let batch = Batch::of_examples(&examples).unwrap();
        assert_eq!(batch.rows().iter().map(|row| row.index).collect::<Vec<_>>(), [0, 1]);
        assert!(batch.examples().eq(&examples));
        assert_eq!(batch.target_tokens(), 5);
        let rows = [(70, 0), (4, 1)]
            .map(|(index, row)| BatchRow { example: examples[row].clone(), index });
        let batch = Batch::new(rows.to_vec()).unwrap();
        assert_eq!(batch.rows(), rows);
        assert_eq!(Batch::from(rows[1].clone()).rows(), &rows[1..]);
    }

    #[test]
    fn a_batch_has_rows() {
        assert!(Batch::of_examples(&[]).is_err());
        assert!(Batch::new(Vec::new()).is_err());
    }
}
