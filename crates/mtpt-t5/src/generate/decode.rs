use burn::tensor::{Bool, Int, Tensor};
use mtpt_core::{Backbone, Inputs, par_map, parallelism};

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
    /// See [`generate_from_inputs`](Self::generate_from_inputs).
    pub fn generate(
        &self,
        ids: Tensor<2, Int>,
        mask: Tensor<2, Bool>,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<u32>>> {
        self.generate_from_inputs(Inputs::new(self.embed(ids), mask), config)
    }

    /// Generates a text for each row of inputs, which may contain prompts.
    ///
    /// Texts have no start and padding tokens. They include the end token, unless they reach the
    /// maximum length without one.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`](crate::ConfigError::OutOfRange) for an invalid option,
    /// [`GenerationError::Device`](crate::GenerationError::Device) if a tensor cannot be read back.
    pub fn generate_from_inputs(
        &self,
        inputs: Inputs,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<u32>>> {
        config.check()?;
        // Without autodiff, whose records would only take memory here.
        let inputs = inputs.without_autodiff();
        let model = self.without_autodiff();
        let max_length = config.max_new_tokens;
        let decode = |inputs: Inputs| {
            let encoded = model.encode_inputs(inputs);
            match config.strategy {
                Strategy::Greedy => greedy::decode(&model, encoded, max_length),
                Strategy::Beam(beam) => beam::decode(&model, encoded, max_length, beam),
                Strategy::Sample(sampling) => sample::decode(&model, encoded, max_length, sampling),
            }
        };
        if let Strategy::Sample(_) = config.strategy {
            // The random numbers depend on the row's position in the batch.
            return decode(inputs);
        }
        let rows = inputs.rows();
        let device = model.device();
        let size = rows.div_ceil(parallelism(&device)).max(1);
        let parts =
            (0..rows).step_by(size).map(|first| inputs.narrow(first, size.min(rows - first)));
        let texts = par_map(&device, parts.collect(), decode);
        Ok(texts.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }
}
