use burn::tensor::Tensor;
use mtpt_core::{Backbone, Initializer};

/// Offset of the seeds of the decoder's vectors, and of vectors after these. Tasks, nodes and
/// components have smaller offsets.
const SEED_OFFSET: u64 = 1 << 40;

/// Initial values of the vectors of a prompt, which are for the encoder, then for the decoder, then
/// for the encoder again if a strategy appends vectors.
pub(crate) struct PromptValues<'a, B> {
    /// Number of vectors for the encoder.
    pub(crate) length: usize,
    /// Number of vectors for the decoder.
    pub(crate) decoder_length: usize,
    pub(crate) backbone: &'a B,
}

impl<B: Backbone> PromptValues<'_, B> {
    /// Returns `count` vectors. The initializer starts over for the decoder, so that both of its
    /// inputs begin with the same text or labels; given values are for all vectors.
    ///
    /// # Shapes
    ///
    /// - output: `[count, d_model]`
    ///
    /// # Errors
    ///
    /// Those of [`Initializer::init`].
    pub(crate) fn init(
        &self,
        initializer: &Initializer,
        count: usize,
        seed: u64,
    ) -> mtpt_core::Result<Tensor<2>> {
        let Self { length, decoder_length, backbone } = *self;
        let is_whole_prompt = count >= length + decoder_length;
        if decoder_length == 0
            || !is_whole_prompt
            || matches!(initializer, Initializer::Values { .. })
        {
            return initializer.init(count, backbone, seed);
        }
        let appended = count - length - decoder_length;
        let parts = (0..).zip([length, decoder_length, appended]).filter(|(_, count)| *count > 0);
        let parts = parts.map(|(part, count)| {
            initializer.init(count, backbone, seed.wrapping_add(part * SEED_OFFSET))
        });
        Ok(Tensor::cat(parts.collect::<Result<_, _>>()?, 0))
    }
}
