use mtpt_core::Encoded;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::generate::decoding::{Decoding, Sequence, next_logits, read_back};
use crate::generate::filter::{descending, softmax};
use crate::generate::strategy::Sampling;
use crate::generate::stream::stream;

/// Appends sampled tokens to each sequence until all have ended. Without sampling, appends the most
/// probable token that the rules leave.
pub(super) fn decode(decoding: &Decoding<'_>, encoded: Encoded) -> Result<Vec<Vec<Sequence>>> {
    let config = decoding.model.config();
    let batch = encoded.rows();
    let per_row = decoding.config.num_return_sequences;
    let count = batch * per_row;
    let sampling = decoding.config.strategy.sampling();
    let seed = sampling.map_or(0, |sampling| sampling.seed);
    let mut generators: Vec<ChaCha8Rng> = (0..count)
        .map(|index| stream(seed, decoding.rows[index / per_row].position, index % per_row))
        .collect();
    let rules = decoding.rules();
    let mut cache = decoding.model.start_decoding(encoded);
    let mut texts: Vec<Vec<u32>> = vec![Vec::new(); count];
    let mut ended = vec![false; count];
    let mut last = vec![decoding.decoder_start_token_id(); count];
    while !ended.iter().all(|ended| *ended) {
        let mut logits = read_back(next_logits(decoding.model, &last, &mut cache))?;
        for (index, logits) in logits.chunks_exact_mut(config.vocab_size).enumerate() {
            last[index] = config.pad_token_id;
            if ended[index] {
                continue;
            }
            let row = index / per_row;
            decoding.check_logits(row, logits)?;
            rules.apply(&texts[index], decoding.rows[row].ids, logits);
            let token = match sampling {
                Some(sampling) => sample(logits, sampling, generators[index].random()),
                None => most_probable(logits),
            };
            let token = token.ok_or_else(|| decoding.no_token(row))?;
            texts[index].push(token);
            last[index] = token;
            ended[index] = decoding.ends(&texts[index]);
        }
    }
    let sequences: Vec<Sequence> =
        texts.into_iter().map(|ids| Sequence { ids, score: None }).collect();
    Ok(sequences.chunks(per_row).map(<[Sequence]>::to_vec).collect())
}

/// Returns the first token with the highest score; `None` if no token is left.
fn most_probable(logits: &[f32]) -> Option<u32> {
    let mut best = 0;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = token;
        }
    }
    (logits[best] > f32::NEG_INFINITY).then_some(best as u32)
}

/// Samples a token by inverting the cumulative distribution, most probable token first, at a point
/// in `[0, 1)`. Returns `None` if no token is left.
fn sample(logits: &mut [f32], sampling: Sampling, point: f64) -> Option<u32> {
    sampling.filter(logits, 1);
    let probabilities = softmax(logits);
    let mut tokens = descending(logits);
    tokens.retain(|token| probabilities[*token] > 0.0);
    let mut left = point;
    for token in &tokens {
        left -= probabilities[*token];
        if left < 0.0 {
            return Some(*token as u32);
        }
    }
    // The remainder is due to rounding.
    tokens.last().map(|token| *token as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities 0.5, 0.25, 0.125, 0.125 of tokens 2, 0, 1, 3.
    fn logits() -> [f32; 4] {
        [0.25f32.ln(), 0.125f32.ln(), 0.5f32.ln(), 0.125f32.ln()]
    }

    fn samples(sampling: Sampling) -> Vec<u32> {
        let sample = |step| sample(&mut logits(), sampling, (f64::from(step) + 0.5) / 16.0);
        (0..16).map(|step| sample(step).unwrap()).collect()
    }

    #[test]
    fn tokens_are_sampled_by_probability() {
        let tokens = samples(Sampling::default());
        assert_eq!(tokens, [2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 3, 3]);
    }

    #[test]
    fn top_k_keeps_the_most_probable() {
        let tokens = samples(Sampling { top_k: Some(1), ..Default::default() });
        assert!(tokens.iter().all(|token| *token == 2));
    }

    #[test]
    fn top_p_includes_the_token_that_reaches_it() {
        let tokens = samples(Sampling { top_p: Some(0.6), ..Default::default() });
        assert_eq!(tokens.iter().filter(|token| **token == 2).count(), 11);
        assert_eq!(tokens.iter().filter(|token| **token == 0).count(), 5);
    }

    #[test]
    fn low_temperature_is_greedy() {
        let tokens = samples(Sampling { temperature: 0.05, ..Default::default() });
        assert!(tokens.iter().all(|token| *token == 2));
    }

    #[test]
    fn nothing_is_sampled_if_no_token_is_left() {
        assert_eq!(sample(&mut [f32::NEG_INFINITY; 3], Sampling::default(), 0.5), None);
        assert_eq!(most_probable(&[f32::NEG_INFINITY; 3]), None);
    }
}
