use crate::batch::error::BatchError;
use crate::batch::example::TokenizedExample;
use crate::error::Result;

/// Padding of the inputs of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// The padding token.
    pub id: u32,
    /// Lengths are rounded up to a multiple of this; 0 and 1 don't round. Fewer lengths mean fewer
    /// tensor shapes for a device to autotune.
    pub multiple: usize,
}

/// A batch of examples as plain vectors, each padded to the longest one.
///
/// Matrices are row-major: the tokens of row `i` start at `i * input_length`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBatch {
    /// Position of each row's task, `[batch]`.
    pub tasks: Vec<u32>,
    /// Index of each example, `[batch]`: in its task's split if set by
    /// [`numbered`](Self::numbered), otherwise in the batch.
    pub rows: Vec<usize>,
    /// Inputs, `[batch, input_length]`.
    pub input_ids: Vec<u32>,
    /// Tokens of each input before padding, `[batch]`.
    pub input_lengths: Vec<usize>,
    /// Length of padded inputs.
    pub input_length: usize,
    /// Targets, `[batch, target_length]`.
    pub target_ids: Vec<u32>,
    /// Tokens of each target before padding, `[batch]`.
    pub target_lengths: Vec<usize>,
    /// Length of padded targets.
    pub target_length: usize,
    /// The token that rows are filled up with.
    pub pad_id: u32,
}

impl TokenBatch {
    /// Creates a batch of examples.
    ///
    /// # Errors
    ///
    /// Returns [`BatchError::Empty`] for no examples.
    pub fn new<'a>(
        rows: impl IntoIterator<Item = &'a TokenizedExample>,
        padding: Padding,
    ) -> Result<Self> {
        let rows: Vec<&TokenizedExample> = rows.into_iter().collect();
        if rows.is_empty() {
            return Err(BatchError::Empty.into());
        }
        let inputs: Vec<&[u32]> = rows.iter().map(|row| row.input_ids.as_slice()).collect();
        let targets: Vec<&[u32]> = rows.iter().map(|row| row.target_ids.as_slice()).collect();
        let (input_ids, input_length) = pad(&inputs, padding);
        // Target lengths are not rounded: each position costs a projection to the vocabulary.
        let (target_ids, target_length) = pad(&targets, Padding { multiple: 1, ..padding });
        Ok(Self {
            tasks: rows.iter().map(|row| row.task).collect(),
            rows: (0..rows.len()).collect(),
            input_ids,
            input_lengths: inputs.iter().map(|ids| ids.len()).collect(),
            input_length,
            target_ids,
            target_lengths: targets.iter().map(|ids| ids.len()).collect(),
            target_length,
            pad_id: padding.id,
        })
    }

    /// Sets the index of each example in its task's split.
    ///
    /// # Panics
    ///
    /// If the number of indices differs from the number of rows.
    #[must_use]
    pub fn numbered(self, rows: Vec<usize>) -> Self {
        assert_eq!(rows.len(), self.len(), "a number for each row");
        Self { rows, ..self }
    }

    /// Returns one row as a batch.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn only(&self, row: usize) -> Self {
        self.part(&[row])
    }

    /// Returns some rows as a batch, padded to the longest of them.
    ///
    /// # Panics
    ///
    /// If there is no such row, or `rows` is empty.
    #[must_use]
    pub fn part(&self, rows: &[usize]) -> Self {
        let ids = |ids: &[u32], length: usize, lengths: &[usize]| {
            let of_row = |&row: &usize| ids[row * length..][..lengths[row]].to_vec();
            let parts: Vec<Vec<u32>> = rows.iter().map(of_row).collect();
            let parts: Vec<&[u32]> = parts.iter().map(Vec::as_slice).collect();
            pad(&parts, Padding { id: self.pad_id, multiple: 1 })
        };
        let of_rows = |values: &[usize]| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
        assert!(!rows.is_empty(), "a part has rows");
        let (input_ids, input_length) =
            ids(&self.input_ids, self.input_length, &self.input_lengths);
        let (target_ids, target_length) =
            ids(&self.target_ids, self.target_length, &self.target_lengths);
        Self {
            tasks: rows.iter().map(|&row| self.tasks[row]).collect(),
            rows: of_rows(&self.rows),
            input_ids,
            input_lengths: of_rows(&self.input_lengths),
            input_length,
            target_ids,
            target_lengths: of_rows(&self.target_lengths),
            target_length,
            pad_id: self.pad_id,
        }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Returns whether there are no rows, which is never true for a batch from [`new`](Self::new).
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Returns the number of target tokens without padding.
    pub fn target_tokens(&self) -> usize {
        self.target_lengths.iter().sum()
    }

    /// Returns whether each input position holds a token, `[batch, input_length]`.
    pub fn input_mask(&self) -> Vec<bool> {
        mask(&self.input_lengths, self.input_length)
    }

    /// Returns whether each target position holds a token, `[batch, target_length]`.
    pub fn target_mask(&self) -> Vec<bool> {
        mask(&self.target_lengths, self.target_length)
    }

    /// Returns the decoder's input, `[batch, target_length]`: the targets shifted right, after a
    /// start token.
    pub fn decoder_input_ids(&self, start_id: u32) -> Vec<u32> {
        let mut ids = Vec::with_capacity(self.target_ids.len());
        if self.target_length == 0 {
            return ids;
        }
        for target in self.target_ids.chunks_exact(self.target_length) {
            ids.push(start_id);
            ids.extend_from_slice(&target[..target.len() - 1]);
        }
        ids
    }
}

/// Pads rows to the longest of them, and returns that length.
fn pad(rows: &[&[u32]], padding: Padding) -> (Vec<u32>, usize) {
    let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let length = longest.next_multiple_of(padding.multiple.max(1));
    let mut ids = Vec::with_capacity(rows.len() * length);
    for row in rows {
        ids.extend_from_slice(row);
        ids.resize(ids.len() + length - row.len(), padding.id);
    }
    (ids, length)
}

fn mask(lengths: &[usize], length: usize) -> Vec<bool> {
    lengths.iter().flat_map(|&tokens| (0..length).map(move |position| position < tokens)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(task: u32, input_ids: &[u32], target_ids: &[u32]) -> TokenizedExample {
        TokenizedExample {
            task,
            input_ids: input_ids.into(),
            target_ids: target_ids.into(),
            label: None,
            gold: None,
        }
    }

    #[test]
    fn rows_are_padded_to_the_longest() {
        let rows = [row(1, &[5, 6, 1], &[8, 1]), row(0, &[7, 1], &[9, 9, 1])];
        let batch = TokenBatch::new(&rows, Padding { id: 0, multiple: 1 }).unwrap();
        assert_eq!(batch.tasks, [1, 0]);
        assert_eq!(batch.rows, [0, 1]);
        assert_eq!(batch.clone().numbered(vec![70, 4]).rows, [70, 4]);
        assert_eq!(batch.input_ids, [5, 6, 1, 7, 1, 0]);
        assert_eq!((batch.input_length, batch.target_length, batch.len()), (3, 3, 2));
        assert_eq!(batch.input_mask(), [true, true, true, true, true, false]);
        assert_eq!(batch.target_ids, [8, 1, 0, 9, 9, 1]);
        assert_eq!(batch.target_mask(), [true, true, false, true, true, true]);
        assert_eq!(batch.target_tokens(), 5);
        assert_eq!(batch.decoder_input_ids(0), [0, 8, 1, 0, 9, 9]);
    }

    #[test]
    fn a_row_alone_is_the_batch_that_it_would_have_made() {
        let rows = [row(1, &[5, 6, 1], &[8, 1]), row(0, &[7, 1], &[9, 9, 1])];
        let padding = Padding { id: 3, multiple: 1 };
        let batch = TokenBatch::new(&rows, padding).unwrap().numbered(vec![70, 4]);
        for (place, row) in rows.iter().enumerate() {
            let alone = TokenBatch::new([row], padding).unwrap();
            assert_eq!(batch.only(place), alone.numbered(vec![batch.rows[place]]));
        }
    }

    #[test]
    fn inputs_alone_are_padded_to_a_multiple() {
        let rows = [row(0, &[5, 6, 1], &[8, 1])];
        let batch = TokenBatch::new(&rows, Padding { id: 3, multiple: 8 }).unwrap();
        assert_eq!(batch.input_ids, [5, 6, 1, 3, 3, 3, 3, 3]);
        assert_eq!((batch.input_length, batch.target_length), (8, 2));
        assert!(TokenBatch::new(&[], Padding { id: 0, multiple: 0 }).is_err());
    }

    #[test]
    fn a_part_is_the_batch_that_its_rows_would_have_made() {
        let rows = [row(1, &[5, 6, 1], &[8, 1]), row(0, &[7, 1], &[9, 9, 1]), row(2, &[4], &[1])];
        let padding = Padding { id: 3, multiple: 1 };
        let batch = TokenBatch::new(&rows, padding).unwrap().numbered(vec![70, 4, 9]);
        let part = TokenBatch::new([&rows[2], &rows[1]], padding).unwrap().numbered(vec![9, 4]);
        assert_eq!(batch.part(&[2, 1]), part);
    }
}
