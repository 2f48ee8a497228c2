use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_core::{Backbone, TaskIndex};
use mtpt_tasks::TokenizedExample;

/// Padding of the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// The padding token.
    pub id: u32,
    /// Lengths of inputs are rounded up to a multiple of this; 0 and 1 don't round. Fewer lengths
    /// mean fewer tensor shapes for a device to autotune. Target lengths are not rounded, since
    /// each position costs a projection to the vocabulary.
    pub multiple: usize,
}

/// Examples on a device, padded to the longest of them.
#[derive(Clone, Debug)]
pub struct DeviceBatch {
    /// Task of each row, `[batch]`.
    pub tasks: Vec<TaskIndex>,
    /// Input tokens, `[batch, input_length]`.
    pub input_ids: Tensor<2, Int>,
    /// Input mask, `[batch, input_length]`, `true` for tokens and `false` for padding.
    pub input_mask: Tensor<2, Bool>,
    /// Targets shifted right behind the decoder start token, `[batch, target_length]`.
    pub decoder_input_ids: Tensor<2, Int>,
    /// Positions of the target tokens among all `batch * target_length` ones, without padding,
    /// `[target_tokens]`.
    pub target_positions: Tensor<1, Int>,
    /// Target tokens at these positions, `[target_tokens]`.
    pub targets: Tensor<1, Int>,
}

impl DeviceBatch {
    /// Pads examples and uploads them.
    pub fn upload<'a>(
        examples: impl IntoIterator<Item = &'a TokenizedExample>,
        padding: Padding,
        decoder_start_token_id: u32,
        device: &Device,
    ) -> Self {
        let examples: Vec<&TokenizedExample> = examples.into_iter().collect();
        let inputs: Vec<&[u32]> = examples.iter().map(|row| row.input_ids.as_slice()).collect();
        let targets: Vec<&[u32]> = examples.iter().map(|row| row.target_ids.as_slice()).collect();
        let inputs = Padded::new(&inputs, padding);
        let targets = Padded::new(&targets, Padding { multiple: 1, ..padding });
        let (input_shape, target_shape) = (inputs.shape(), targets.shape());
        let (positions, target_ids): (Vec<i64>, Vec<u32>) = (0..)
            .zip(targets.ids.iter().zip(&targets.mask))
            .filter(|&(_, (_, &is_token))| is_token)
            .map(|(position, (&id, _))| (position, id))
            .unzip();
        let tokens = target_ids.len();
        let decoder_input_ids = targets.shifted_right(decoder_start_token_id);
        Self {
            tasks: examples.iter().map(|row| TaskIndex::new(row.task)).collect(),
            input_ids: int(&inputs.ids, input_shape, device),
            input_mask: Tensor::from_data(TensorData::new(inputs.mask, input_shape), device),
            decoder_input_ids: int(&decoder_input_ids, target_shape, device),
            target_positions: int(&positions, [tokens], device),
            targets: int(&target_ids, [tokens], device),
        }
    }

    /// Pads examples to the longest of them and uploads them to the device of a model.
    pub fn for_backbone<'a, B: Backbone>(
        examples: impl IntoIterator<Item = &'a TokenizedExample>,
        backbone: &B,
    ) -> Self {
        let padding = Padding { id: backbone.pad_token_id(), multiple: 1 };
        Self::upload(examples, padding, backbone.decoder_start_token_id(), &backbone.device())
    }
}

/// Rows padded to equal length, as row-major matrices.
struct Padded {
    ids: Vec<u32>,
    /// `true` for tokens and `false` for padding.
    mask: Vec<bool>,
    rows: usize,
    length: usize,
}

impl Padded {
    fn new(rows: &[&[u32]], padding: Padding) -> Self {
        let longest = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let length = longest.next_multiple_of(padding.multiple.max(1));
        let mut ids = Vec::with_capacity(rows.len() * length);
        let mut mask = Vec::with_capacity(rows.len() * length);
        for row in rows {
            ids.extend_from_slice(row);
            ids.resize(ids.len() + length - row.len(), padding.id);
            mask.extend((0..length).map(|position| position < row.len()));
        }
        Self { ids, mask, rows: rows.len(), length }
    }

    fn shape(&self) -> [usize; 2] {
        [self.rows, self.length]
    }

    /// Returns the tokens of each row behind a start token, without the last one.
    fn shifted_right(&self, start_id: u32) -> Vec<u32> {
        let mut ids = Vec::with_capacity(self.ids.len());
        if self.length == 0 {
            return ids;
        }
        for row in self.ids.chunks_exact(self.length) {
            ids.push(start_id);
            ids.extend_from_slice(&row[..row.len() - 1]);
        }
        ids
    }
}

/// Creates an integer tensor.
pub(crate) fn int<const D: usize, V: Copy + Into<i64>>(
    values: &[V],
    shape: [usize; D],
    device: &Device,
) -> Tensor<D, Int> {
    let values: Vec<i64> = values.iter().map(|&value| value.into()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
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

    fn ids<const D: usize>(tensor: Tensor<D, Int>) -> Vec<i64> {
        tensor.into_data().iter::<i64>().collect()
    }

    #[test]
    fn rows_are_padded_to_the_longest() {
        let rows = [example(1, &[5, 6, 1], &[8, 1]), example(0, &[7, 1], &[9, 9, 1])];
        let padding = Padding { id: 2, multiple: 1 };
        let batch = DeviceBatch::upload(&rows, padding, 4, &Device::flex());
        assert_eq!(batch.tasks, [1, 0].map(TaskIndex::new));
        assert_eq!((batch.input_ids.dims(), batch.decoder_input_ids.dims()), ([2, 3], [2, 3]));
        assert_eq!(ids(batch.input_ids), [5, 6, 1, 7, 1, 2]);
        assert_eq!(ids(batch.input_mask.int()), [1, 1, 1, 1, 1, 0]);
        assert_eq!(ids(batch.decoder_input_ids), [4, 8, 1, 4, 9, 9]);
        assert_eq!(ids(batch.target_positions), [0, 1, 3, 4, 5]);
        assert_eq!(ids(batch.targets), [8, 1, 9, 9, 1]);
    }

    #[test]
    fn inputs_alone_are_padded_to_a_multiple() {
        let rows = [example(0, &[5, 6, 1], &[8, 1])];
        let padding = Padding { id: 3, multiple: 8 };
        let batch = DeviceBatch::upload(&rows, padding, 0, &Device::flex());
        assert_eq!((batch.input_ids.dims(), batch.decoder_input_ids.dims()), ([1, 8], [1, 2]));
        assert_eq!(ids(batch.input_ids), [5, 6, 1, 3, 3, 3, 3, 3]);
        assert_eq!(ids(batch.input_mask.int()), [1, 1, 1, 0, 0, 0, 0, 0]);
        // A multiple of 0 doesn't round.
        let padding = Padding { id: 3, multiple: 0 };
        let batch = DeviceBatch::upload(&rows, padding, 0, &Device::flex());
        assert_eq!(batch.input_ids.dims(), [1, 3]);
    }
}
