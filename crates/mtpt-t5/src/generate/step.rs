use burn::tensor::{FloatDType, Int, Tensor, TensorData};
use mtpt_core::Backbone;

use crate::error::{GenerationError, Result};
use crate::model::cache::DecoderCache;
use crate::model::t5::T5;

/// Decodes one token of each row, and returns the logits of the next in f32, `[rows, vocab_size]`.
pub(super) fn next_logits(model: &T5, tokens: &[u32], cache: &mut DecoderCache) -> Tensor<2> {
    let rows = tokens.len();
    let ids: Vec<i32> = tokens.iter().map(|token| *token as i32).collect();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows, 1]), &model.device());
    let hidden = model.decode_step(ids, cache).reshape([rows, model.config.d_model]);
    model.logits(hidden).cast(FloatDType::F32)
}

/// Reads the values of a tensor, row-major.
pub(super) fn read_back(tensor: Tensor<2>) -> Result<Vec<f32>> {
    Ok(tensor.try_into_vec_as::<f32>().map_err(GenerationError::device)?)
}
