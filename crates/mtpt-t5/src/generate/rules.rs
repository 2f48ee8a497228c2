//! Changes of the next token's scores before one is chosen: transformers' logits processors.

use crate::generate::config::GenerationConfig;

/// The rules of one generation, the same for all rows.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    config: &'a GenerationConfig,
    end_tokens: &'a [u32],
    decoder_start_token_id: u32,
}

impl<'a> Rules<'a> {
    pub(super) fn new(
        config: &'a GenerationConfig,
        end_tokens: &'a [u32],
        decoder_start_token_id: u32,
    ) -> Self {
        Self { config, end_tokens, decoder_start_token_id }
    }

    /// Returns whether no score ever changes.
    pub(super) fn is_empty(&self) -> bool {
        // Beams and sampling don't matter here, and neither do the tokens at the borders.
        let GenerationConfig {
            max_new_tokens,
            strategy,
            num_return_sequences,
            renormalize_logits,
            ..
        } = *self.config;
        let plain = GenerationConfig {
            max_new_tokens,
            strategy,
            num_return_sequences,
            renormalize_logits,
            end_token_ids: self.config.end_token_ids.clone(),
            decoder_start_token_id: self.config.decoder_start_token_id,
            ..GenerationConfig::default()
        };
        *self.config == plain
    }

    /// Changes the scores of the token after `tokens`, in the order of transformers.
    ///
    /// `input` are the tokens of the encoder's input.
    pub(super) fn apply(&self, tokens: &[u32], input: &[u32], scores: &mut [f32]) {
        let config = self.config;
        // For transformers a text begins with the first input of the decoder.
        let text: Vec<u32> =
            std::iter::once(self.decoder_start_token_id).chain(tokens.iter().copied()).collect();
        for (ids, bias) in &config.sequence_bias {
            add_after(&text, ids, *bias, scores);
        }
        penalize(input, 1.0 / config.encoder_repetition_penalty, scores);
        penalize(&text, config.repetition_penalty, scores);
        forbid_ngrams(&text, &text, config.no_repeat_ngram_size, scores);
        forbid_ngrams(input, &text, config.encoder_no_repeat_ngram_size, scores);
        for ids in &config.bad_words_ids {
            if !matches!(ids[..], [id] if self.end_tokens.contains(&id)) {
                add_after(&text, ids, f32::NEG_INFINITY, scores);
            }
        }
        if tokens.len() < config.min_new_tokens {
            forbid(self.end_tokens, scores);
        }
        if tokens.is_empty()
            && let Some(forced) = config.forced_bos_token_id
        {
            allow_only(&[forced], scores);
        }
        if tokens.len() + 1 == config.max_new_tokens && !config.forced_eos_token_ids.is_empty() {
            allow_only(&config.forced_eos_token_ids, scores);
        }
        if let Some((start, factor)) = config.exponential_decay_length_penalty
            && tokens.len() > start
        {
            let growth = (factor.powf((tokens.len() - start) as f64) - 1.0) as f32;
            for end in self.end_tokens {
                let score = &mut scores[*end as usize];
                if score.is_finite() {
                    *score += score.abs() * growth;
                }
            }
        }
        forbid(&config.suppress_tokens, scores);
        // The token after a forced one counts as the first.
        if tokens.len() == usize::from(config.forced_bos_token_id.is_some()) {
            forbid(&config.begin_suppress_tokens, scores);
        }
    }
}

/// Adds a number to the score of the last token of a sequence, if the text ends with the others.
fn add_after(text: &[u32], sequence: &[u32], bias: f32, scores: &mut [f32]) {
    if let Some((last, before)) = sequence.split_last()
        && text.ends_with(before)
    {
        scores[*last as usize] += bias;
    }
}

/// Makes tokens less probable: positive scores are divided by the penalty, negative ones
/// multiplied.
fn penalize(tokens: &[u32], penalty: f64, scores: &mut [f32]) {
    if penalty == 1.0 {
        return;
    }
    let penalty = penalty as f32;
    let mut tokens = tokens.to_vec();
    tokens.sort_unstable();
    tokens.dedup();
    for token in tokens {
        let score = &mut scores[token as usize];
        *score = if *score < 0.0 { *score * penalty } else { *score / penalty };
    }
}

/// Forbids tokens that would repeat a sequence of `size` tokens of `source` at the end of the text.
fn forbid_ngrams(source: &[u32], text: &[u32], size: usize, scores: &mut [f32]) {
    if size == 0 || text.len() + 1 < size {
        return;
    }
    let end = &text[text.len() + 1 - size..];
    for ngram in source.windows(size) {
        if ngram.starts_with(end) {
            scores[ngram[size - 1] as usize] = f32::NEG_INFINITY;
        }
    }
}

fn forbid(tokens: &[u32], scores: &mut [f32]) {
    for token in tokens {
        scores[*token as usize] = f32::NEG_INFINITY;
    }
}

/// Forbids all other tokens.
fn allow_only(tokens: &[u32], scores: &mut [f32]) {
    scores.fill(f32::NEG_INFINITY);
    for token in tokens {
        scores[*token as usize] = 0.0;
    }
}
