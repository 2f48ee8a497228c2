use burn::tensor::{Bool, Tensor};

/// Inputs of a model: embeddings for the encoder, which may start with a prompt, and optionally a
/// prompt for the decoder.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Embeddings of the encoder's input, `[batch, length, d_model]`.
    pub embeddings: Tensor<3>,
    /// Mask of the embeddings, `[batch, length]`, `true` at prompt vectors and tokens.
    pub mask: Tensor<2, Bool>,
    /// Vectors before the decoder's start token, `[batch, decoder_length, d_model]`.
    pub decoder_prompt: Option<Tensor<3>>,
}

impl Inputs {
    /// Creates inputs without a prompt for the decoder.
    pub fn new(embeddings: Tensor<3>, mask: Tensor<2, Bool>) -> Self {
        Self { embeddings, mask, decoder_prompt: None }
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.mask.dims()[0]
    }

    /// Returns some adjacent rows.
    ///
    /// # Panics
    ///
    /// When there are fewer rows.
    #[must_use]
    pub fn narrow(&self, first: usize, count: usize) -> Self {
        let part = |tensor: &Tensor<3>| tensor.clone().narrow(0, first, count);
        Self {
            embeddings: part(&self.embeddings),
            mask: self.mask.clone().narrow(0, first, count),
            decoder_prompt: self.decoder_prompt.as_ref().map(part),
        }
    }

    /// Returns the same values outside the autodiff graph.
    #[must_use]
    pub fn inner(self) -> Self {
        Self {
            embeddings: self.embeddings.inner(),
            mask: self.mask,
            decoder_prompt: self.decoder_prompt.map(Tensor::inner),
        }
    }

    /// Returns the same values without autodiff.
    #[must_use]
    pub fn without_autodiff(self) -> Self {
        Self {
            embeddings: self.embeddings.without_autodiff(),
            mask: self.mask,
            decoder_prompt: self.decoder_prompt.map(Tensor::without_autodiff),
        }
    }
}

/// Everything that the decoder's tokens attend to: the final hidden states of the encoder, and
/// optionally a prompt before the start token.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Final hidden states of the encoder, `[batch, length, d_model]`; vectors at masked positions
    /// are unspecified.
    pub states: Tensor<3>,
    /// The mask that they were computed with, `[batch, length]`.
    pub mask: Tensor<2, Bool>,
    /// Vectors before the decoder's start token, `[batch, decoder_length, d_model]`.
    pub decoder_prompt: Option<Tensor<3>>,
}

impl Encoded {
    /// Creates the input of a decoder without a prompt.
    pub fn new(states: Tensor<3>, mask: Tensor<2, Bool>) -> Self {
        Self { states, mask, decoder_prompt: None }
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.mask.dims()[0]
    }

    /// Returns the number of vectors before the start token.
    pub fn decoder_length(&self) -> usize {
        self.decoder_prompt.as_ref().map_or(0, |prompt| prompt.dims()[1])
    }
}
