use burn::module::{Initializer, Module};
use burn::nn::{Embedding, EmbeddingConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor, assert_shape};
use mtpt_core::{Backbone, Encoded};

use crate::config::T5Config;
use crate::error::ConfigError;
use crate::model::cache::DecoderCache;
use crate::model::saving::Saving;
use crate::model::stack::{Decoder, Encoder};
use crate::projection::Projection;
use crate::weights::generation_config::GenerationDefaults;

/// A T5 with a language modelling head (Raffel et al., 2020), like transformers'
/// `T5ForConditionalGeneration`.
///
/// Its methods accept tensors on any device. Gradients flow through a model on a plain device to
/// the tracked embeddings.
///
/// Dropout is applied like in transformers if the activations are on an autodiff device and the
/// model is not frozen. [`freeze`](burn::module::Module::freeze) turns it off permanently.
#[derive(Module, Debug)]
pub struct T5 {
    pub(crate) shared: Embedding,
    pub(crate) encoder: Encoder,
    pub(crate) decoder: Decoder,
    /// `None` if the head is the embedding table.
    pub(crate) head: Option<Linear>,
    #[module(skip)]
    pub(crate) config: T5Config,
    /// Generation settings of the model's files.
    #[module(skip)]
    pub(crate) generation: GenerationDefaults,
}

impl T5Config {
    /// Returns a model with random initial weights, distributed like in transformers.
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
            generation: GenerationDefaults::default(),
        })
    }
}

impl T5 {
    /// Returns the configuration.
    pub fn config(&self) -> &T5Config {
        &self.config
    }

    /// Returns the linear layers of all blocks.
    pub(crate) fn projections_mut(&mut self) -> impl Iterator<Item = &mut Projection> {
        let encoder = self.encoder.blocks.iter_mut().flat_map(|block| {
            let attention = block.self_attention.projections_mut();
            attention.into_iter().chain(block.feed_forward.projections_mut())
        });
        let decoder = self.decoder.blocks.iter_mut().flat_map(|block| {
            let own = block.self_attention.projections_mut();
            let cross = block.cross_attention.projections_mut();
            own.into_iter().chain(cross).chain(block.feed_forward.projections_mut())
        });
        encoder.chain(decoder)
    }

    /// Returns a decoder cache of encoder states and the decoder's prompt, if any, without tokens.
    ///
    /// # Panics
    ///
    /// Panics if the shapes are not as specified.
    pub fn start_decoding(&self, encoded: Encoded) -> DecoderCache {
        self.cache(encoded, None)
    }

    /// Returns a decoder cache for at most the given number of tokens of each row of the batch, if
    /// it is known.
    pub(crate) fn cache(&self, encoded: Encoded, tokens: Option<usize>) -> DecoderCache {
        let d_model = self.config.d_model;
        let decoder_length = encoded.decoder_length();
        let Encoded { states, mask, decoder_prompt } = encoded;
        let [batch, length] = mask.dims();
        assert_shape!(states, [batch, length, d_model]);
        let tokens = tokens.map(|tokens| decoder_length.saturating_add(tokens));
        let mut cache = self.decoder.cache(states, mask, tokens);
        if let Some(prompt) = decoder_prompt.filter(|_| decoder_length > 0) {
            assert_shape!(prompt, [batch, decoder_length, d_model]);
            self.decoder.forward(prompt, &mut cache, Saving::Nothing);
        }
        cache
    }

    /// Computes the final hidden states of the tokens after those in the cache, and adds them to
    /// it.
    ///
    /// Decoding token by token results in the states of [`Backbone::decode`].
    ///
    /// # Shapes
    ///
    /// - `ids`: `[rows, new]`, rows a multiple of the cache's batch. Rows of one input are
    ///   adjacent.
    /// - output: `[rows, new, d_model]`
    ///
    /// # Panics
    ///
    /// Panics if there are no tokens, or if the number of rows changes.
    pub fn decode_step(&self, ids: Tensor<2, Int>, cache: &mut DecoderCache) -> Tensor<3> {
        self.decoder.forward(self.embed(ids), cache, Saving::Nothing).0
    }
}
