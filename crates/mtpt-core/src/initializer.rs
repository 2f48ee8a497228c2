use burn::tensor::{Int, Tensor, TensorData};
use rand::seq::index::sample;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Backbone, Error, Result};

/// Where the first values of a prompt come from.
///
/// These are the starts of Lester et al. (2021), section 3.2 and of `google-research/prompt-tuning`
/// (`prompt_tuning/prompts.py`), and that of PEFT's `TEXT`. Tokens stand here for text: whoever holds a tokenizer turns
/// text into them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Initializer {
    /// Each value drawn evenly from `[-range, range)`; 0.5 in Lester et al. (2021), section 3.2.
    /// `google-research/prompt-tuning` with its scale of 0.5 draws from `[0, 0.5)` instead.
    RandomUniform {
        /// Largest magnitude.
        range: f64,
    },
    /// Embeddings of distinct tokens, drawn evenly from the first `population` of the vocabulary (SentencePiece orders
    /// pieces by frequency); from the whole vocabulary without one. Tokens repeat only where the prompt is longer than
    /// the population.
    SampledVocabulary {
        /// Number of tokens to draw from.
        population: Option<usize>,
    },
    /// Embeddings of the tokens of a text, repeated from its start until the prompt is full, and cut there.
    Text {
        /// The tokens.
        ids: Vec<u32>,
    },
    /// One vector for each class label, the mean of its tokens' embeddings; vectors left over are drawn from the
    /// vocabulary as in [`SampledVocabulary`](Self::SampledVocabulary). Labels beyond the prompt's length are left out.
    ClassLabels {
        /// The tokens of each label.
        labels: Vec<Vec<u32>>,
        /// Number of tokens that the rest is drawn from.
        population: Option<usize>,
    },
    /// Given values, row after row.
    Values {
        /// `length * d_model` numbers.
        values: Vec<f32>,
        /// Width of a row.
        d_model: usize,
    },
}

impl Initializer {
    /// First values of a prompt for a model: the same for the same seed on every device.
    ///
    /// # Shapes
    ///
    /// - output: `[length, d_model]`, on the model's plain device
    ///
    /// # Errors
    ///
    /// When the length is 0, a token is not in the vocabulary, a text or label has no token, a range or population is
    /// not positive, or given values are not of that shape.
    pub fn init<B: Backbone + ?Sized>(
        &self,
        length: usize,
        backbone: &B,
        seed: u64,
    ) -> Result<Tensor<2>> {
        if length == 0 {
            return Err(Error::EmptyPrompt);
        }
        let d_model = backbone.d_model();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        match self {
            Self::RandomUniform { range } => {
                if !(range.is_finite() && *range > 0.0) {
                    return Err(Error::NotPositive { name: "range", found: *range });
                }
                let range = *range as f32;
                let values: Vec<f32> =
                    (0..length * d_model).map(|_| rng.random_range(-range..range)).collect();
                Ok(rows(values, length, backbone))
            }
            Self::SampledVocabulary { population } => {
                let ids = sampled_tokens(length, *population, backbone.vocab_size(), &mut rng)?;
                Ok(embed(&ids, backbone))
            }
            Self::Text { ids } => {
                check_tokens(ids, backbone.vocab_size())?;
                let ids: Vec<u32> = ids.iter().copied().cycle().take(length).collect();
                Ok(embed(&ids, backbone))
            }
            Self::ClassLabels { labels, population } => {
                let mut parts = Vec::new();
                for label in labels.iter().take(length) {
                    check_tokens(label, backbone.vocab_size())?;
                    parts.push(embed(label, backbone).mean_dim(0));
                }
                let rest = length - parts.len();
                if rest > 0 {
                    let ids = sampled_tokens(rest, *population, backbone.vocab_size(), &mut rng)?;
                    parts.push(embed(&ids, backbone));
                }
                Ok(Tensor::cat(parts, 0))
            }
            Self::Values { values, d_model: width } => {
                let found_length = if *width == 0 { 0 } else { values.len() / width };
                if values.len() != length * d_model || *width != d_model {
                    return Err(Error::PromptShape {
                        expected_length: length,
                        expected_width: d_model,
                        found_length,
                        found_width: *width,
                    });
                }
                Ok(rows(values.clone(), length, backbone))
            }
        }
    }
}

fn rows<B: Backbone + ?Sized>(values: Vec<f32>, length: usize, backbone: &B) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, [length, backbone.d_model()]), &backbone.device())
}

fn embed<B: Backbone + ?Sized>(ids: &[u32], backbone: &B) -> Tensor<2> {
    let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
    let length = ids.len();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, length]), &backbone.device());
    backbone.embed(ids).squeeze_dim(0)
}

fn check_tokens(ids: &[u32], vocab_size: usize) -> Result<()> {
    if ids.is_empty() {
        return Err(Error::EmptyText);
    }
    match ids.iter().find(|&&id| id as usize >= vocab_size) {
        Some(&token) => Err(Error::UnknownToken { token, vocab_size }),
        None => Ok(()),
    }
}

fn sampled_tokens(
    count: usize,
    population: Option<usize>,
    vocab_size: usize,
    rng: &mut impl Rng,
) -> Result<Vec<u32>> {
    let population = population.unwrap_or(vocab_size).min(vocab_size);
    if population == 0 {
        return Err(Error::NotPositive { name: "population", found: 0.0 });
    }
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let take = (count - ids.len()).min(population);
        ids.extend(sample(rng, population, take).into_iter().map(|token| token as u32));
    }
    Ok(ids)
}
