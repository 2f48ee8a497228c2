use burn::module::{Initializer, Module};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor, assert_shape};

use crate::config::T5Config;
use crate::error::ConfigError;
use crate::model::cache::DecoderCache;
use crate::model::stack::{Decoder, Encoder};

/// A T5 with a language-modelling head (Raffel et al., 2020), as transformers' `T5ForConditionalGeneration` computes it.
///
/// Its parts take and give tensors on any device; a model whose weights are on a plain device works on tracked
/// embeddings too, and gradients then flow to these alone.
///
/// Dropout acts as in transformers, when activations are on an autodiff device and the model has not been frozen:
/// [`freeze`](burn::module::Module::freeze) turns it off for good.
#[derive(Module, Debug)]
pub struct T5 {
    pub(crate) shared: Embedding,
    pub(crate) encoder: Encoder,
    pub(crate) decoder: Decoder,
    /// `None` where the head is the embedding table.
    pub(crate) head: Option<Linear>,
    #[module(skip)]
    pub(crate) config: T5Config,
}

impl T5Config {
    /// A model with fresh weights, drawn as transformers draws them.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for an invalid value.
    pub fn init(&self, device: &Device) -> Result<T5, ConfigError> {
        self.check()?;
        let std = self.initializer_factor;
        Ok(T5 {
            shared: EmbeddingConfig::new(self.vocab_size, self.d_model)
                .with_initializer(Initializer::Normal { mean: 0.0, std })
                .init(device),
            encoder: Encoder::init(self, device),
            decoder: Decoder::init(self, device),
            head: (!self.tie_word_embeddings).then(|| {
                LinearConfig::new(self.d_model, self.vocab_size)
                    .with_bias(false)
                    .with_initializer(Initializer::Normal { mean: 0.0, std })
                    .init(device)
            }),
            config: self.clone(),
        })
    }
}

impl T5 {
    /// What the model was built from.
    pub fn config(&self) -> &T5Config {
        &self.config
    }

    /// The device of the weights, without autodiff.
    pub fn device(&self) -> Device {
        self.shared.weight.lazy_device().without_autodiff()
    }

    /// Embeddings of tokens, of the encoder and the decoder alike.
    ///
    /// # Shapes
    ///
    /// - `ids`: `[batch, length]`
    /// - output: `[batch, length, d_model]`
    pub fn embed(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        self.shared.forward(ids)
    }

    /// Final hidden states of the encoder.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, `true` where there is a token
    /// - output: `[batch, length, d_model]`; rows at masked positions are unspecified
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not fit each other.
    pub fn encode(&self, embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Tensor<3> {
        let d_model = self.config.d_model;
        let [batch, length] = mask.dims();
        assert_shape!(embeddings, [batch, length, d_model]);
        self.encoder.forward(embeddings, mask)
    }

    /// Final hidden states of the decoder, which reads the given tokens and sees no later one.
    ///
    /// There may be several decoder rows for each input row: rows `i * n` to `i * n + n - 1` then read from row `i`,
    /// which is encoded, and its keys and values computed, only once.
    ///
    /// # Shapes
    ///
    /// - `decoder_input_ids`: `[rows, target_length]`, rows a multiple of the batch, the start token first
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, the mask that `encoded` was made with
    /// - output: `[rows, target_length, d_model]`
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not fit each other.
    pub fn decode(
        &self,
        decoder_input_ids: Tensor<2, Int>,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
    ) -> Tensor<3> {
        let [[rows, length], [batch, _]] = [decoder_input_ids.dims(), mask.dims()];
        let mut cache = self.start_for(encoded, mask, rows / batch.max(1) * length);
        self.step(decoder_input_ids, &mut cache)
    }

    /// A cache to decode from: the encoder's output is read, and no token yet.
    ///
    /// # Shapes
    ///
    /// - `encoded`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, the mask that `encoded` was made with
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not fit each other.
    pub fn start(&self, encoded: Tensor<3>, mask: Tensor<2, Bool>) -> DecoderCache {
        self.check_encoded(&encoded, &mask);
        self.decoder.cache(encoded, mask)
    }

    /// The same, to read at most so many tokens for each row of the batch.
    pub(crate) fn start_for(
        &self,
        encoded: Tensor<3>,
        mask: Tensor<2, Bool>,
        tokens: usize,
    ) -> DecoderCache {
        self.check_encoded(&encoded, &mask);
        self.decoder.cache_for(encoded, mask, Some(tokens))
    }

    fn check_encoded(&self, encoded: &Tensor<3>, mask: &Tensor<2, Bool>) {
        let d_model = self.config.d_model;
        let [batch, length] = mask.dims();
        assert_shape!(encoded, [batch, length, d_model]);
    }

    /// Reads tokens after those in the cache.
    ///
    /// Reading token by token gives what [`decode`](Self::decode) gives at once.
    ///
    /// # Shapes
    ///
    /// - `ids`: `[rows, new]`, rows a multiple of the batch that the cache was made with
    /// - output: `[rows, new, d_model]`
    ///
    /// # Panics
    ///
    /// Panics if there are no tokens, or another number of rows than before.
    pub fn step(&self, ids: Tensor<2, Int>, cache: &mut DecoderCache) -> Tensor<3> {
        self.decoder.forward(self.embed(ids), cache)
    }

    /// Scores of every vocabulary entry, from final hidden states of the decoder.
    ///
    /// # Shapes
    ///
    /// - `hidden`: `[positions, d_model]`
    /// - output: `[positions, vocab_size]`
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let hidden = if self.config.scale_decoder_outputs {
            hidden.mul_scalar((self.config.d_model as f64).powf(-0.5))
        } else {
            hidden
        };
        match &self.head {
            Some(head) => head.forward(hidden),
            // The table from the left: it is read as it lies in memory, however few the positions are.
            None => self.shared.weight.val().matmul(hidden.transpose()).transpose(),
        }
    }
}
