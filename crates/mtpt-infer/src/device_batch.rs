use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt_core::TaskIndex;
use mtpt_tasks::TokenBatch;

/// A batch of tokens on a device.
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
    /// Uploads a batch.
    pub fn new(batch: &TokenBatch, decoder_start_token_id: u32, device: &Device) -> Self {
        let rows = batch.len();
        let mask = TensorData::new(batch.input_mask(), [rows, batch.input_length]);
        let (positions, targets): (Vec<u32>, Vec<u32>) = batch
            .target_mask()
            .into_iter()
            .enumerate()
            .filter(|&(_, is_token)| is_token)
            .map(|(position, _)| (position as u32, batch.target_ids[position]))
            .unzip();
        let tokens = targets.len();
        let decoder_input_ids = batch.decoder_input_ids(decoder_start_token_id);
        Self {
            tasks: batch.tasks.iter().map(|&task| TaskIndex::new(task as usize)).collect(),
            input_ids: int(&batch.input_ids, [rows, batch.input_length], device),
            input_mask: Tensor::from_data(mask, device),
            decoder_input_ids: int(&decoder_input_ids, [rows, batch.target_length], device),
            target_positions: int(&positions, [tokens], device),
            targets: int(&targets, [tokens], device),
        }
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
