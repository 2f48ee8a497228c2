use mtpt_core::Encoded;

use crate::error::{GenerationError, Result};
use crate::generate::decoding::next_logits;
use crate::model::t5::T5;

/// Appends the most probable token to each row until all rows have ended.
///
/// Only the chosen tokens are read back from the device.
pub(crate) fn decode(
    model: &T5,
    encoded: Encoded,
    start: u32,
    ends: impl Fn(&[u32]) -> bool,
) -> Result<Vec<Vec<u32>>> {
    let batch = encoded.rows();
    let mut cache = model.start_decoding(encoded);
    let mut texts: Vec<Vec<u32>> = vec![Vec::new(); batch];
    let mut ended = vec![false; batch];
    let mut last = vec![start; batch];
    while !ended.iter().all(|ended| *ended) {
        let best = next_logits(model, &last, &mut cache)
            .argmax(1)
            .try_into_vec_as::<i64>()
            .map_err(GenerationError::device)?;
        for (row, token) in best.into_iter().enumerate() {
            // A row that has ended decodes padding, and its output is ignored.
            last[row] = model.config().pad_token_id;
            if !ended[row] {
                let token = token as u32;
                texts[row].push(token);
                last[row] = token;
                ended[row] = ends(&texts[row]);
            }
        }
    }
    Ok(texts)
}
