use burn::tensor::{Int, Tensor, TensorData};
use rand::seq::index::sample;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::backbone::Backbone;
use crate::error::{Error, Result};

/// Source of the initial values of a prompt.
///
/// The variants are the initializations of Lester et al. (2021), section 3.2, of
/// `google-research/prompt-tuning` (`prompt_tuning/prompts.py`), and PEFT's `TEXT`. Texts are given
/// as tokens, because this crate has no tokenizer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Initializer {
    /// Uniform values from `[-range, range)`. Lester et al. (2021), section 3.2, use a range of
    /// 0.5. With its scale of 0.5, `google-research/prompt-tuning` samples from `[0, 0.5)` instead.
    RandomUniform {
        /// Largest magnitude.
        range: f64,
    },
    /// Embeddings of distinct tokens, sampled uniformly from the first `population` tokens of the
    /// vocabulary (SentencePiece orders pieces by frequency). Tokens repeat only if the prompt is
    /// longer than the population.
    SampledVocabulary {
        /// Number of tokens to sample from; the whole vocabulary if `None`.
        population: Option<usize>,
    },
    /// Embeddings of the tokens of a text, which is repeated or truncated to the length of the
    /// prompt.
    Text {
        /// Tokens of the text.
        ids: Vec<u32>,
    },
    /// One vector per class label, the mean of its tokens' embeddings. Remaining vectors are
    /// sampled as in [`SampledVocabulary`](Self::SampledVocabulary). Labels beyond the length of
    /// the prompt are ignored.
    ClassLabels {
        /// Tokens of each label.
        labels: Vec<Vec<u32>>,
        /// Number of tokens to sample from; the whole vocabulary if `None`.
        population: Option<usize>,
    },
    /// Given values in row-major order.
    Values {
        /// `length * d_model` values.
        values: Vec<f32>,
        /// Width of a vector.
        d_model: usize,
    },
}

impl Initializer {
    /// Returns the initial values of a prompt for a model. Equal seeds yield equal values on every
    /// device.
    ///
    /// # Shapes
    ///
    /// - output: `[length, d_model]`, on the model's device
    ///
    /// # Errors
    ///
    /// When the length is 0, a token is not in the vocabulary, a text or label has no tokens, a
    /// range or population is not positive, or given values have a different shape.
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
                Ok(matrix(values, length, backbone))
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
                let mut vectors = Vec::new();
                for label in labels.iter().take(length) {
                    check_tokens(label, backbone.vocab_size())?;
                    vectors.push(embed(label, backbone).mean_dim(0));
                }
                let rest = length - vectors.len();
                if rest > 0 {
                    let ids = sampled_tokens(rest, *population, backbone.vocab_size(), &mut rng)?;
                    vectors.push(embed(&ids, backbone));
                }
                Ok(Tensor::cat(vectors, 0))
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
                Ok(matrix(values.clone(), length, backbone))
            }
        }
    }
}

/// Creates a prompt from values in row-major order.
fn matrix<B: Backbone + ?Sized>(values: Vec<f32>, length: usize, backbone: &B) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, [length, backbone.d_model()]), &backbone.device())
}

fn embed<B: Backbone + ?Sized>(ids: &[u32], backbone: &B) -> Tensor<2> {
    let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
    let length = ids.len();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [1, length]), &backbone.device());
    backbone.embed(ids).squeeze_dim(0)
}

/// Checks that a text has tokens and that all are in the vocabulary.
fn check_tokens(ids: &[u32], vocab_size: usize) -> Result<()> {
    if ids.is_empty() {
        return Err(Error::EmptyText);
    }
    match ids.iter().find(|&&id| id as usize >= vocab_size) {
        Some(&token) => Err(Error::UnknownToken { token, vocab_size }),
        None => Ok(()),
    }
}

/// Samples tokens without replacement, starting over when the population is exhausted.
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
