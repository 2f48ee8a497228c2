use mtpt_core::Encoded;

use crate::error::{GenerationError, Result};
use crate::generate::decoding::{Decoding, Sequence, next_logits};

/// Appends the most probable token to each row until all rows have ended.
///
/// Only the chosen tokens are read back from the device.
pub(super) fn decode(decoding: &Decoding<'_>, encoded: Encoded) -> Result<Vec<Vec<Sequence>>> {
    let model = decoding.model;
    let batch = encoded.rows();
    let mut cache = model.start_decoding(encoded);
    let mut texts: Vec<Vec<u32>> = vec![Vec::new(); batch];
    let mut ended = vec![false; batch];
    let mut last = vec![decoding.decoder_start_token_id(); batch];
    while !ended.iter().all(|ended| *ended) {
        let logits = next_logits(model, &last, &mut cache);
        // The sum is finite if all logits are.
        let sums = logits.clone().sum_dim(1).try_into_vec_as::<f32>();
        let sums = sums.map_err(GenerationError::device)?;
        let best = logits.argmax(1).try_into_vec_as::<i64>().map_err(GenerationError::device)?;
        for (row, token) in best.into_iter().enumerate() {
            // A row that has ended decodes padding, and its output is ignored.
            last[row] = model.config().pad_token_id;
            if !ended[row] {
                decoding.check_logits(row, &sums[row..=row])?;
                let token = token as u32;
                texts[row].push(token);
                last[row] = token;
                ended[row] = decoding.ends(&texts[row]);
            }
        }
    }
    Ok(texts.into_iter().map(|ids| vec![Sequence { ids, score: None }]).collect())
}
