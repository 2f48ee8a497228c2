use mtpt_core::Encoded;

use crate::error::{GenerationError, Result};
use crate::generate::step::next_logits;
use crate::model::t5::T5;

/// Appends the most probable token to each row until all rows have ended.
pub(crate) fn decode(model: &T5, encoded: Encoded, max_new_tokens: usize) -> Result<Vec<Vec<u32>>> {
    let config = model.config();
    let batch = encoded.rows();
    let mut cache = model.start_decoding(encoded);
    let mut texts: Vec<Vec<u32>> = vec![Vec::new(); batch];
    let mut ended = vec![false; batch];
    let mut last = vec![config.decoder_start_token_id; batch];
    for _ in 0..max_new_tokens {
        let best = next_logits(model, &last, &mut cache)
            .argmax(1)
            .try_into_vec_as::<i64>()
            .map_err(GenerationError::device)?;
        for (row, token) in best.into_iter().enumerate() {
            // A row that has ended decodes padding, and its output is ignored.
            last[row] = config.pad_token_id;
            if !ended[row] {
                let token = token as u32;
                texts[row].push(token);
                last[row] = token;
                ended[row] = token == config.eos_token_id;
            }
        }
        if ended.iter().all(|ended| *ended) {
            break;
        }
    }
    Ok(texts)
}
