use mtpt_core::Encoded;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::Result;
use crate::generate::config::Sampling;
use crate::generate::step::{next_logits, read_back};
use crate::model::t5::T5;

/// Samples tokens until all rows have ended.
pub(super) fn decode(
    model: &T5,
    encoded: Encoded,
    max_new_tokens: usize,
    sampling: Sampling,
) -> Result<Vec<Vec<u32>>> {
    let config = model.config();
    let batch = encoded.rows();
    let mut generators: Vec<ChaCha8Rng> = (0..batch)
        .map(|row| {
            let mut generator = ChaCha8Rng::seed_from_u64(sampling.seed);
            generator.set_stream(row as u64);
            generator
        })
        .collect();
    let mut cache = model.start_decoding(encoded);
    let mut texts: Vec<Vec<u32>> = vec![Vec::new(); batch];
    let mut ended = vec![false; batch];
    let mut last = vec![config.decoder_start_token_id; batch];
    for _ in 0..max_new_tokens {
        let logits = read_back(next_logits(model, &last, &mut cache))?;
        for (row, logits) in logits.chunks_exact(config.vocab_size).enumerate() {
            last[row] = config.pad_token_id;
            if !ended[row] {
                let token = sample(logits, sampling, generators[row].random());
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

/// Samples a token by inverting the cumulative distribution, most probable token first, at a point
/// in `[0, 1)`.
fn sample(logits: &[f32], sampling: Sampling, point: f64) -> u32 {
    let mut tokens: Vec<u32> = (0..logits.len() as u32).collect();
    tokens.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b)));
    tokens.truncate(sampling.top_k.unwrap_or(usize::MAX));
    let highest = f64::from(logits[tokens[0] as usize]);
    let mut weights: Vec<f64> = tokens
        .iter()
        .map(|token| ((f64::from(logits[*token as usize]) - highest) / sampling.temperature).exp())
        .collect();
    if let Some(top_p) = sampling.top_p {
        let total: f64 = weights.iter().sum();
        let mut reached = 0.0;
        // Includes the token that reaches the probability.
        let kept = weights
            .iter()
            .take_while(|weight| {
                let before = reached;
                reached += **weight / total;
                before < top_p
            })
            .count();
        weights.truncate(kept.max(1));
    }
    let mut left = point * weights.iter().sum::<f64>();
    for (token, weight) in tokens.iter().zip(&weights) {
        left -= weight;
        if left < 0.0 {
            return *token;
        }
    }
    // The remainder is due to rounding.
    tokens[weights.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities 0.5, 0.25, 0.125, 0.125 of tokens 2, 0, 1, 3.
    fn logits() -> [f32; 4] {
        [0.25f32.ln(), 0.125f32.ln(), 0.5f32.ln(), 0.125f32.ln()]
    }

    fn samples(sampling: Sampling) -> Vec<u32> {
        (0..16).map(|step| sample(&logits(), sampling, (f64::from(step) + 0.5) / 16.0)).collect()
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
}
