//! Decoding: texts from the model, token by token.

mod beam;
pub(crate) mod greedy;
mod sample;

use burn::tensor::{Bool, FloatDType, Int, Tensor, TensorData};
use mtpt_core::{par_map, parallelism};
use serde::{Deserialize, Serialize};

use crate::error::{ConfigError, GenerationError, Result};
use crate::model::cache::DecoderCache;
use crate::model::t5::T5;

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strategy {
    /// Always the likeliest token.
    #[default]
    Greedy,
    /// A search over several continuations at a time.
    Beam(Beam),
    /// Drawn by probability.
    Sample(Sampling),
}

/// Beam search as transformers 5 defines it.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `num_beams` | `4` | Continuations kept at each step | > 0 |
/// | `length_penalty` | `1.0` | Scores are divided by length to this power | finite |
/// | `early_stopping` | `Heuristic` | When a search is over | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Beam {
    /// Continuations kept at each step.
    pub num_beams: usize,
    /// The sum of log-probabilities is divided by the length to this power: more than 0 favours longer texts.
    pub length_penalty: f64,
    /// When a search is over.
    pub early_stopping: EarlyStopping,
}

impl Default for Beam {
    fn default() -> Self {
        Self { num_beams: 4, length_penalty: 1.0, early_stopping: EarlyStopping::default() }
    }
}

/// When a beam search is over, before the longest text allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyStopping {
    /// When no open beam, ended at its present length, would beat the worst of the finished: `False` in transformers.
    #[default]
    Heuristic,
    /// As soon as there are as many finished texts as beams: `True` in transformers.
    WhenFull,
    /// When no open beam could ever beat the worst of the finished: `"never"` in transformers.
    Never,
}

/// Drawing tokens by probability, from the likeliest `top_k` (Fan et al., 2018) or those that make up `top_p` (Holtzman et
/// al., 2020), with each row's random numbers its own: a row's text depends on its place in the batch, not on the others.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `temperature` | `1.0` | Logits are divided by it | > 0 |
/// | `top_k` | `None` | Only so many of the likeliest tokens can be drawn | > 0 |
/// | `top_p` | `None` | Only the likeliest that make up this probability | (0, 1] |
/// | `seed` | `0` | Starts the random numbers | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// Logits are divided by it: less than 1 makes likely tokens likelier.
    pub temperature: f64,
    /// Only so many of the likeliest tokens can be drawn.
    pub top_k: Option<usize>,
    /// Only the likeliest tokens that together reach this probability can be drawn.
    pub top_p: Option<f64>,
    /// Starts the random numbers.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: None, seed: 0 }
    }
}

/// How to decode.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `max_new_tokens` | `64` | Longest text, its end token included | > 0 |
/// | `strategy` | `Greedy` | How the next token is chosen | |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GenerationConfig {
    /// Longest text in tokens, its end token included.
    pub max_new_tokens: usize,
    /// How the next token is chosen.
    pub strategy: Strategy,
}

impl Default for GenerationConfig {
    fn default() -> Self {
        Self { max_new_tokens: 64, strategy: Strategy::Greedy }
    }
}

impl GenerationConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] names the first field that is not.
    pub fn check(&self) -> Result<()> {
        let require = ConfigError::require;
        require(self.max_new_tokens > 0, "max_new_tokens", "positive", &self.max_new_tokens)?;
        match self.strategy {
            Strategy::Greedy => {}
            Strategy::Beam(beam) => {
                require(beam.num_beams > 0, "num_beams", "positive", &beam.num_beams)?;
                let penalty = beam.length_penalty;
                require(penalty.is_finite(), "length_penalty", "finite", &penalty)?;
            }
            Strategy::Sample(sampling) => {
                let temperature = sampling.temperature;
                require(
                    temperature.is_finite() && temperature > 0.0,
                    "temperature",
                    "positive",
                    &temperature,
                )?;
                if let Some(top_k) = sampling.top_k {
                    require(top_k > 0, "top_k", "positive", &top_k)?;
                }
                if let Some(top_p) = sampling.top_p {
                    require(top_p > 0.0 && top_p <= 1.0, "top_p", "in (0, 1]", &top_p)?;
                }
            }
        }
        Ok(())
    }
}

impl T5 {
    /// A text for each row of token ids.
    ///
    /// # Shapes
    ///
    /// - `ids`, `mask`: `[batch, length]`, `mask` being `true` where there is a token
    ///
    /// # Errors
    ///
    /// As of [`generate_from_embeddings`](Self::generate_from_embeddings).
    pub fn generate(
        &self,
        ids: Tensor<2, Int>,
        mask: Tensor<2, Bool>,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<u32>>> {
        self.generate_from_embeddings(self.embed(ids), mask, config)
    }

    /// A text for each row of embeddings, which a prompt may stand in front of.
    ///
    /// Texts come without start and padding tokens, and with their end token unless they were cut short.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, `true` where there is a token
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for an invalid option, [`GenerationError::Device`] if a tensor
    /// cannot be read back.
    pub fn generate_from_embeddings(
        &self,
        embeddings: Tensor<3>,
        mask: Tensor<2, Bool>,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<u32>>> {
        config.check()?;
        // Nothing here is trained: recorded operations would only be kept until they are dropped.
        let embeddings = embeddings.without_autodiff();
        let model = self.without_gradients();
        let longest = config.max_new_tokens;
        let decode = |(embeddings, mask): (Tensor<3>, Tensor<2, Bool>)| {
            let encoded = model.encode(embeddings, mask.clone());
            match config.strategy {
                Strategy::Greedy => greedy::decode(&model, encoded, mask, longest),
                Strategy::Beam(beam) => beam::decode(&model, encoded, mask, longest, beam),
                Strategy::Sample(sampling) => {
                    sample::decode(&model, encoded, mask, longest, sampling)
                }
            }
        };
        if let Strategy::Sample(_) = config.strategy {
            // A row's random numbers are those of its place in the batch.
            return decode((embeddings, mask));
        }
        let [rows, _] = mask.dims();
        let device = model.device();
        let size = rows.div_ceil(parallelism(&device)).max(1);
        let parts = (0..rows).step_by(size).map(|first| {
            let count = size.min(rows - first);
            (embeddings.clone().narrow(0, first, count), mask.clone().narrow(0, first, count))
        });
        let texts = par_map(&device, parts.collect(), decode);
        Ok(texts.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// The model off the autodiff device, which costs handles and no copies.
    pub(crate) fn without_gradients(&self) -> Self {
        burn::module::Module::valid(self)
    }

    /// Reads one token a row and gives the logits of the next.
    fn next_logits(&self, tokens: &[u32], cache: &mut DecoderCache) -> Tensor<2> {
        let rows = tokens.len();
        let ids: Vec<i32> = tokens.iter().map(|token| *token as i32).collect();
        let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [rows, 1]), &self.device());
        let hidden = self.step(ids, cache).reshape([rows, self.config.d_model]);
        // Probabilities are taken in single precision, whatever the model's.
        self.logits(hidden).cast(FloatDType::F32)
    }
}

/// Numbers of a tensor, row by row.
fn read_back(tensor: Tensor<2>) -> Result<Vec<f32>> {
    Ok(tensor.try_into_vec_as::<f32>().map_err(GenerationError::device)?)
}
