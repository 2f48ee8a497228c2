use burn::tensor::{Bool, Int, Tensor};
use mtpt_core::{Backbone, Encoded, InputRow, Inputs, par_map, parallelism};

use crate::error::{GenerationError, Result};
use crate::generate::config::GenerationConfig;
use crate::generate::decoding::{Decoding, Sequence, StopCondition};
use crate::generate::strategy::Strategy;
use crate::generate::{beam, greedy, sample};
use crate::model::t5::T5;

/// Inputs of [`T5::generate_sequences`].
#[derive(Clone)]
pub struct GenerationInputs<'a> {
    inputs: Inputs,
    rows: Option<Vec<InputRow<'a>>>,
    stop: Option<StopCondition<'a>>,
}

impl<'a> GenerationInputs<'a> {
    /// Uses embeddings, which may have prompts. The first row has position 0.
    pub fn new(inputs: Inputs) -> Self {
        Self { inputs, rows: None, stop: None }
    }

    /// Sets the position in the input and the tokens of each row.
    ///
    /// Sampling depends on the positions, and the options that start with `encoder_` on the tokens.
    #[must_use]
    pub fn with_rows(mut self, rows: Vec<InputRow<'a>>) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Sets a condition that ends a text, in addition to the end tokens.
    #[must_use]
    pub fn with_stop(mut self, stop: StopCondition<'a>) -> Self {
        self.stop = Some(stop);
        self
    }
}

impl T5 {
    /// Generates a text for each row of token ids.
    ///
    /// Texts have no start and padding tokens. They include the end token, unless they reach the
    /// maximum length without one. Several texts of a row are adjacent.
    ///
    /// # Shapes
    ///
    /// - `ids`, `mask`: `[batch, length]`; `mask` is `true` for tokens
    ///
    /// # Errors
    ///
    /// See [`generate_sequences`](Self::generate_sequences).
    pub fn generate(
        &self,
        ids: Tensor<2, Int>,
        mask: Tensor<2, Bool>,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<u32>>> {
        let tokens = tokens_of_rows(ids.clone(), mask.clone())?;
        let rows = (0..).zip(&tokens).map(|(position, ids)| InputRow { position, ids });
        let inputs = GenerationInputs::new(Inputs::new(self.embed(ids), mask));
        let inputs = inputs.with_rows(rows.collect());
        Ok(flat(self.generate_sequences(inputs, config)?))
    }

    /// Generates a text for each row of inputs, which may have prompts, otherwise like
    /// [`generate`](Self::generate).
    ///
    /// # Errors
    ///
    /// See [`generate_sequences`](Self::generate_sequences).
    pub fn generate_from_inputs(
        &self,
        inputs: Inputs,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<u32>>> {
        Ok(flat(self.generate_sequences(GenerationInputs::new(inputs), config)?))
    }

    /// Generates `num_return_sequences` texts for each row, best first if they have scores.
    ///
    /// A text depends on its row, the row's position and the options, not on the other rows.
    ///
    /// # Errors
    ///
    /// [`ConfigError`](crate::ConfigError) for an invalid option, [`GenerationError::InputTokens`]
    /// if an option requires the tokens of the inputs, [`GenerationError::NoToken`] if the options
    /// leave no token, [`GenerationError::Device`] if a tensor cannot be read back.
    ///
    /// # Panics
    ///
    /// When the number of input rows is not the batch size.
    pub fn generate_sequences(
        &self,
        inputs: GenerationInputs<'_>,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<Sequence>>> {
        let GenerationInputs { inputs, rows, stop } = inputs;
        let batch = inputs.rows();
        if rows.is_none() && config.requires_input() {
            return Err(GenerationError::InputTokens.into());
        }
        let rows = rows.unwrap_or_else(|| unknown_rows(batch));
        assert_eq!(rows.len(), batch, "expected one input row for each row of the batch");
        // Without autodiff, whose records would only take memory here.
        let inputs = inputs.without_autodiff();
        let model = self.without_autodiff();
        let device = model.device();
        let size = batch.div_ceil(parallelism(&device)).max(1);
        let parts = rows
            .chunks(size)
            .enumerate()
            .map(|(number, rows)| (rows, inputs.narrow(number * size, rows.len())));
        let texts = par_map(&device, parts.collect(), |(rows, inputs)| {
            model.generate_encoded(model.encode_inputs(inputs), rows, stop, config)
        });
        Ok(texts.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// Generates texts for encoded rows.
    pub(crate) fn generate_encoded(
        &self,
        encoded: Encoded,
        rows: &[InputRow<'_>],
        stop: Option<StopCondition<'_>>,
        config: &GenerationConfig,
    ) -> Result<Vec<Vec<Sequence>>> {
        config.check()?;
        config.check_tokens(self.config.vocab_size)?;
        let end_tokens = config.end_token_ids.clone().unwrap_or_else(|| self.end_token_ids());
        let decoding = Decoding { model: self, config, rows, end_tokens: &end_tokens, stop };
        match config.strategy {
            Strategy::Greedy if decoding.rules().is_empty() => greedy::decode(&decoding, encoded),
            Strategy::Greedy | Strategy::Sample(_) => sample::decode(&decoding, encoded),
            Strategy::Beam(beam) | Strategy::BeamSample { beam, .. } => {
                beam::decode(&decoding, encoded, beam)
            }
        }
    }
}

/// Returns rows whose tokens are unknown, the first of them at position 0.
pub(crate) fn unknown_rows(count: usize) -> Vec<InputRow<'static>> {
    (0..count).map(|position| InputRow { position, ids: &[] }).collect()
}

/// Returns the tokens of all texts, those of a row next to each other.
pub(crate) fn flat(sequences: Vec<Vec<Sequence>>) -> Vec<Vec<u32>> {
    sequences.into_iter().flatten().map(|sequence| sequence.ids).collect()
}

/// Returns the tokens of each row, without padding.
fn tokens_of_rows(ids: Tensor<2, Int>, mask: Tensor<2, Bool>) -> Result<Vec<Vec<u32>>> {
    let [batch, length] = mask.dims();
    if batch == 0 || length == 0 {
        return Ok(vec![Vec::new(); batch]);
    }
    let ids = ids.try_into_vec_as::<i64>().map_err(GenerationError::device)?;
    let mask = mask.int().try_into_vec_as::<i64>().map_err(GenerationError::device)?;
    let tokens = |(ids, mask): (&[i64], &[i64])| {
        let kept = ids.iter().zip(mask).filter(|(_, mask)| **mask != 0);
        kept.map(|(id, _)| *id as u32).collect()
    };
    Ok(ids.chunks_exact(length).zip(mask.chunks_exact(length)).map(tokens).collect())
}
