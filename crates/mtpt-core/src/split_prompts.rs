use std::ops::Range;

use burn::tensor::Tensor;

/// Prompts of a batch, or their gradients, divided by the input that they are prepended to.
#[derive(Clone, Debug)]
pub struct SplitPrompts {
    /// Vectors for the encoder, `[batch, encoder_length, d_model]`.
    pub encoder: Tensor<3>,
    /// Vectors for the decoder, `[batch, decoder_length, d_model]`; `None` if there are none.
    pub decoder: Option<Tensor<3>>,
}

impl SplitPrompts {
    /// Divides prompts: the vectors in a range are the decoder's, all others the encoder's.
    ///
    /// # Shapes
    ///
    /// - `prompts`: `[batch, prompt_length, d_model]`
    ///
    /// # Panics
    ///
    /// When the range exceeds the prompt.
    pub fn split(prompts: Tensor<3>, decoder: Range<usize>) -> Self {
        if decoder.is_empty() {
            return Self { encoder: prompts, decoder: None };
        }
        let [_, length, _] = prompts.dims();
        let part = |range: Range<usize>| prompts.clone().narrow(1, range.start, range.len());
        let of_encoder = [0..decoder.start, decoder.end..length];
        let of_encoder = of_encoder.into_iter().filter(|range| !range.is_empty());
        Self {
            encoder: Tensor::cat(of_encoder.map(part).collect(), 1),
            decoder: Some(part(decoder)),
        }
    }

    /// Puts the parts together again: the inverse of [`split`](Self::split).
    ///
    /// # Panics
    ///
    /// When the parts don't have the lengths that the range specifies.
    pub fn join(self, decoder: Range<usize>) -> Tensor<3> {
        let Some(of_decoder) = self.decoder else {
            assert!(decoder.is_empty(), "vectors of the decoder are missing");
            return self.encoder;
        };
        assert_eq!(of_decoder.dims()[1], decoder.len(), "number of vectors of the decoder");
        let [_, length, _] = self.encoder.dims();
        let part = |range: Range<usize>| {
            let values = || self.encoder.clone().narrow(1, range.start, range.len());
            (!range.is_empty()).then(values)
        };
        let parts = [part(0..decoder.start), Some(of_decoder), part(decoder.start..length)];
        Tensor::cat(parts.into_iter().flatten().collect(), 1)
    }
}
