use burn::tensor::{Bool, Int, Tensor};
use mtpt_core::{Backbone, par_map, parallelism};

use crate::error::Result;
use crate::generate::config::{GenerationConfig, Strategy};
use crate::generate::{beam, greedy, sample};
use crate::model::t5::T5;

impl T5 {
    /// Generates a text for each row of token ids.
    ///
    /// # Shapes
    ///
    /// - `ids`, `mask`: `[batch, length]`; `mask` is `true` for tokens
    ///
    /// # Errors
    ///
    /// See [`generate_from_embeddings`](Self::generate_from_embeddings).
    pub fn generate(
        &self,
        ids: Tensor<2, Int>,
        mask: Tensor<2, Bool>,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<u32>>> {
        self.generate_from_embeddings(self.embed(ids), mask, config)
    }

    /// Generates a text for each row of embeddings, which may start with a prompt.
    ///
    /// Texts have no start and padding tokens. They include the end token, unless they reach the
    /// maximum length without one.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[batch, length, d_model]`
    /// - `mask`: `[batch, length]`, `true` for tokens
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`](crate::ConfigError::OutOfRange) for an invalid option,
    /// [`GenerationError::Device`](crate::GenerationError::Device) if a tensor cannot be read back.
    pub fn generate_from_embeddings(
        &self,
        embeddings: Tensor<3>,
        mask: Tensor<2, Bool>,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<u32>>> {
        config.check()?;
        // Without autodiff, whose records would only take memory here.
        let embeddings = embeddings.without_autodiff();
        let model = self.without_autodiff();
        let max_length = config.max_new_tokens;
        let decode = |(embeddings, mask): (Tensor<3>, Tensor<2, Bool>)| {
            let encoded = model.encode(embeddings, mask.clone());
            match config.strategy {
                Strategy::Greedy => greedy::decode(&model, encoded, mask, max_length),
                Strategy::Beam(beam) => beam::decode(&model, encoded, mask, max_length, beam),
                Strategy::Sample(sampling) => {
                    sample::decode(&model, encoded, mask, max_length, sampling)
                }
            }
        };
        if let Strategy::Sample(_) = config.strategy {
            // The random numbers depend on the row's position in the batch.
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
}
