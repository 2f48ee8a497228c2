use serde::{Deserialize, Serialize};

use crate::error::{ConfigError, Result};
use crate::generate::sequence_limit::{AT_MOST_SEQUENCES, MAX_SEQUENCES};
use crate::generate::strategy::Strategy;

/// Maximum number of tokens of a text. Attention to its own tokens takes time in proportion to the
/// square of the length, so that more are surely a mistake.
const MAX_NEW_TOKENS: usize = 1_000_000;

/// Options of generation.
///
/// They have the names and the meaning of transformers. For those of a model's files see
/// [`T5::generation_config`](crate::T5::generation_config).
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `max_new_tokens` | `64` | Maximum length, including the end token | 1 to 1,000,000 |
/// | `min_new_tokens` | `0` | Length before which there is no end token | |
/// | `strategy` | `Greedy` | Decoding strategy | |
/// | `num_return_sequences` | `1` | Texts per row | 1 to 4,096, at most the number of beams |
/// | `end_token_ids` | `None` | Tokens that end a text; `None`: those of the model | |
/// | `decoder_start_token_id` | `None` | First input of the decoder; `None`: that of the model | |
/// | `forced_bos_token_id` | `None` | First token of every text | |
/// | `forced_eos_token_ids` | none | Possible last tokens of a text of the maximum length | |
/// | `suppress_tokens` | none | Tokens that never occur | |
/// | `begin_suppress_tokens` | none | Tokens that don't begin a text | |
/// | `bad_words_ids` | none | Sequences of tokens that never occur | not empty |
/// | `sequence_bias` | none | Numbers added to the score of a sequence's last token | not empty |
/// | `no_repeat_ngram_size` | `0` | Length of sequences that occur at most once; 0: any | |
/// | `encoder_no_repeat_ngram_size` | `0` | Length of sequences of the input that don't occur; 0: any | |
/// | `repetition_penalty` | `1.0` | Penalty of tokens that have occurred | > 0 |
/// | `encoder_repetition_penalty` | `1.0` | Penalty of tokens that the input lacks | > 0 |
/// | `exponential_decay_length_penalty` | `None` | Length, and factor of the end token's score after it | |
/// | `renormalize_logits` | `false` | Whether beam scores are normalized after all other options | |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GenerationConfig {
    /// Maximum number of tokens, including the end token.
    pub max_new_tokens: usize,
    /// Number of tokens before which a text can't end.
    pub min_new_tokens: usize,
    /// Decoding strategy.
    pub strategy: Strategy,
    /// Number of texts per row. More than one requires beams or sampling.
    pub num_return_sequences: usize,
    /// Tokens that end a text. `None` stands for those of the model, an empty list for none.
    pub end_token_ids: Option<Vec<u32>>,
    /// First input of the decoder. `None` stands for that of the model.
    pub decoder_start_token_id: Option<u32>,
    /// First token of every text.
    pub forced_bos_token_id: Option<u32>,
    /// Tokens one of which ends a text that reaches the maximum length.
    pub forced_eos_token_ids: Vec<u32>,
    /// Tokens that never occur.
    pub suppress_tokens: Vec<u32>,
    /// Tokens that don't begin a text; with a forced first token, that aren't the second.
    pub begin_suppress_tokens: Vec<u32>,
    /// Sequences of tokens that never occur.
    pub bad_words_ids: Vec<Vec<u32>>,
    /// Sequences of tokens, each with a bias. The bias is added to the score of the last token when
    /// the others precede it.
    pub sequence_bias: Vec<(Vec<u32>, f32)>,
    /// Length of sequences of tokens that occur at most once. 0 stands for no limit.
    pub no_repeat_ngram_size: usize,
    /// Length of sequences of the input's tokens that don't occur. 0 stands for no limit.
    pub encoder_no_repeat_ngram_size: usize,
    /// Divisor of the positive scores, and factor of the negative ones, of tokens that have
    /// occurred (Keskar et al., 2019). The first input of the decoder counts as one of them.
    pub repetition_penalty: f64,
    /// The inverse of such a penalty for tokens of the input: values above 1 favor them.
    pub encoder_repetition_penalty: f64,
    /// Length, and the factor by which the end tokens' scores grow with each token after it.
    pub exponential_decay_length_penalty: Option<(usize, f64)>,
    /// Whether the log-probabilities of beams are normalized after all other options.
    pub renormalize_logits: bool,
}

impl Default for GenerationConfig {
    fn default() -> Self {
        Self {
            max_new_tokens: 64,
            min_new_tokens: 0,
            strategy: Strategy::Greedy,
            num_return_sequences: 1,
            end_token_ids: None,
            decoder_start_token_id: None,
            forced_bos_token_id: None,
            forced_eos_token_ids: Vec::new(),
            suppress_tokens: Vec::new(),
            begin_suppress_tokens: Vec::new(),
            bad_words_ids: Vec::new(),
            sequence_bias: Vec::new(),
            no_repeat_ngram_size: 0,
            encoder_no_repeat_ngram_size: 0,
            repetition_penalty: 1.0,
            encoder_repetition_penalty: 1.0,
            exponential_decay_length_penalty: None,
            renormalize_logits: false,
        }
    }
}

impl GenerationConfig {
    /// Checks that every value is in its range, and that the options don't contradict each other.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] names the first field that is not,
    /// [`ConfigError::ForcedAndSuppressed`] two that contradict each other.
    pub fn check(&self) -> Result<()> {
        let require = ConfigError::require;
        let length = self.max_new_tokens;
        require(length > 0, "max_new_tokens", "positive", &length)?;
        require(length <= MAX_NEW_TOKENS, "max_new_tokens", "at most 1000000", &length)?;
        self.strategy.check()?;
        let sequences = self.num_return_sequences;
        require(sequences > 0, "num_return_sequences", "positive", &sequences)?;
        let (limit, expected) = match (self.strategy.beam(), self.strategy.sampling()) {
            (Some(beam), _) => (beam.num_beams, "at most `num_beams`"),
            (None, Some(_)) => (MAX_SEQUENCES, AT_MOST_SEQUENCES),
            (None, None) => (1, "1 for greedy decoding, which finds one text"),
        };
        require(sequences <= limit, "num_return_sequences", expected, &sequences)?;
        for (field, penalty) in [
            ("repetition_penalty", self.repetition_penalty),
            ("encoder_repetition_penalty", self.encoder_repetition_penalty),
            (
                "exponential_decay_length_penalty",
                self.exponential_decay_length_penalty.map_or(1.0, |(_, factor)| factor),
            ),
        ] {
            require(penalty.is_finite() && penalty > 0.0, field, "positive", &penalty)?;
        }
        let sequences = || self.sequence_bias.iter().map(|(ids, _)| ids);
        let expected = "sequences of at least one token";
        for (field, is_valid) in [
            ("bad_words_ids", self.bad_words_ids.iter().all(|ids| !ids.is_empty())),
            ("sequence_bias", sequences().all(|ids| !ids.is_empty())),
        ] {
            require(is_valid, field, expected, &"[]")?;
        }
        self.check_forced()
    }

    /// Sets the seed of the random number generators, if tokens are sampled.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        if let Strategy::Sample(sampling) | Strategy::BeamSample { sampling, .. } =
            &mut self.strategy
        {
            sampling.seed = seed;
        }
        self
    }

    /// Returns whether an option refers to the tokens of the input.
    pub(super) fn requires_input(&self) -> bool {
        self.encoder_no_repeat_ngram_size > 0 || self.encoder_repetition_penalty != 1.0
    }

    /// Checks that a forced token isn't suppressed, which would leave no token.
    fn check_forced(&self) -> Result<()> {
        let is_suppressed = |token: &u32| self.suppress_tokens.contains(token);
        let first = self.forced_bos_token_id.as_slice();
        for (field, tokens) in [
            ("forced_bos_token_id", first),
            ("forced_eos_token_id", self.forced_eos_token_ids.as_slice()),
        ] {
            if !tokens.is_empty() && tokens.iter().all(is_suppressed) {
                let tokens = tokens.to_vec();
                return Err(ConfigError::ForcedAndSuppressed { field, tokens }.into());
            }
        }
        Ok(())
    }

    /// Checks that every token is in the vocabulary.
    pub(crate) fn check_tokens(&self, vocab_size: usize) -> Result<()> {
        let lists: [(&'static str, &[u32]); 6] = [
            ("eos_token_id", self.end_token_ids.as_deref().unwrap_or_default()),
            ("decoder_start_token_id", self.decoder_start_token_id.as_slice()),
            ("forced_bos_token_id", self.forced_bos_token_id.as_slice()),
            ("forced_eos_token_id", &self.forced_eos_token_ids),
            ("suppress_tokens", &self.suppress_tokens),
            ("begin_suppress_tokens", &self.begin_suppress_tokens),
        ];
        let bad_words = self.bad_words_ids.iter().map(|ids| ("bad_words_ids", ids.as_slice()));
        let biases = self.sequence_bias.iter().map(|(ids, _)| ("sequence_bias", ids.as_slice()));
        for (field, tokens) in lists.into_iter().chain(bad_words).chain(biases) {
            for token in tokens {
                let is_known = (*token as usize) < vocab_size;
                ConfigError::require(is_known, field, "less than `vocab_size`", token)?;
            }
        }
        Ok(())
    }
}
