use std::fmt;

use burn::tensor::{Bool, Int, Tensor};
use mtpt_compose::Composition;
use mtpt_core::{Backbone, Compose, Encoded, Inputs, TaskIndex, embed_prompted};
use mtpt_tasks::TokenizedExample;

use crate::device_batch::DeviceBatch;
use crate::device_partition::{map_parts, partition_for_device};
use crate::error::{Error, Result};

/// A frozen model, with or without prompts prepended to its inputs.
///
/// Each row gets the prompt of its task. Without prompts, tasks are ignored.
///
/// The composition should be in its validating form
/// ([`Module::valid`](burn::module::Module::valid)), since no method computes gradients.
pub struct Prompted<'a, B, C = Composition> {
    backbone: &'a B,
    composition: Option<&'a C>,
    ignores_decoder_prompt: bool,
}

impl<B, C> Clone for Prompted<'_, B, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B, C> Copy for Prompted<'_, B, C> {}

impl<B, C> fmt::Debug for Prompted<'_, B, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Prompted")
            .field("has_prompts", &self.composition.is_some())
            .finish_non_exhaustive()
    }
}

impl<'a, B: Backbone> Prompted<'a, B> {
    /// Uses a model without prompts.
    pub fn plain(backbone: &'a B) -> Self {
        Self { backbone, composition: None, ignores_decoder_prompt: false }
    }
}

impl<'a, B: Backbone, C: Compose> Prompted<'a, B, C> {
    /// Uses a model with prompts.
    ///
    /// # Errors
    ///
    /// [`Error::Width`] when the prompts don't have the width of the model.
    pub fn new(backbone: &'a B, composition: &'a C) -> Result<Self> {
        let (expected, found) = (backbone.d_model(), composition.d_model());
        if expected != found {
            return Err(Error::Width { expected, found });
        }
        Ok(Self { backbone, composition: Some(composition), ignores_decoder_prompt: false })
    }

    /// Ignores the vectors for the decoder, as PEFT's `generate` does.
    #[must_use]
    pub fn without_decoder_prompt(self) -> Self {
        Self { ignores_decoder_prompt: true, ..self }
    }

    /// Returns the model.
    pub fn backbone(&self) -> &'a B {
        self.backbone
    }

    /// Returns the composition, if there are prompts.
    pub fn composition(&self) -> Option<&'a C> {
        self.composition
    }

    /// Returns the number of prompt vectors prepended to each input of the encoder.
    pub fn prompt_length(&self) -> usize {
        self.composition.map_or(0, |composition| {
            composition.prompt_length() - composition.decoder_vectors().len()
        })
    }

    /// Embeds a batch with the prompt of each row's task prepended.
    ///
    /// # Shapes
    ///
    /// - `tasks`: one per row, ignored without prompts
    /// - `ids`, `mask`: `[batch, length]`
    ///
    /// # Panics
    ///
    /// When the numbers of rows differ, or a task index is out of range.
    pub fn embed(&self, tasks: &[TaskIndex], ids: Tensor<2, Int>, mask: Tensor<2, Bool>) -> Inputs {
        let inputs = embed_prompted(self.backbone, self.composition, tasks, ids, mask);
        if self.ignores_decoder_prompt {
            return Inputs { decoder_prompt: None, ..inputs };
        }
        inputs
    }

    /// Embeds rows with the prompts of their tasks and maps each part of them to one output per
    /// row, in the order of the rows.
    ///
    /// Parts hold rows of similar length, at most `batch_size` of them, and run in parallel on a
    /// CPU. `map` gets the positions of the part's rows and their embeddings. Targets count as well
    /// for the length of a row.
    ///
    /// # Errors
    ///
    /// The first error of `map`.
    pub fn map_inputs<T: Clone + Default + Send, E: Send>(
        &self,
        rows: &[TokenizedExample],
        batch_size: usize,
        map: impl Fn(&[usize], Inputs) -> Result<Vec<T>, E> + Sync,
    ) -> Result<Vec<T>, E> {
        let length = |row: &TokenizedExample| self.input_length(row).max(row.target_ids.len());
        self.map_parts(rows, &rows.iter().map(length).collect::<Vec<_>>(), batch_size, map)
    }

    /// Encodes rows and maps each encoded part to one output per row, in the order of the rows.
    ///
    /// Parts hold rows of similar length, at most `batch_size` of them, and run in parallel on a
    /// CPU. `map` gets the positions of the part's rows and their encoding.
    ///
    /// # Errors
    ///
    /// The first error of `map`.
    pub(crate) fn map_encoded<T: Clone + Default + Send, E: Send>(
        &self,
        rows: &[TokenizedExample],
        batch_size: usize,
        map: impl Fn(&[usize], Encoded) -> Result<Vec<T>, E> + Sync,
    ) -> Result<Vec<T>, E> {
        let lengths: Vec<usize> = rows.iter().map(|row| self.input_length(row)).collect();
        self.map_parts(rows, &lengths, batch_size, |part, inputs| {
            map(part, self.backbone.encode_inputs(inputs.inner()))
        })
    }

    fn input_length(&self, row: &TokenizedExample) -> usize {
        self.prompt_length() + row.input_ids.len()
    }

    fn map_parts<T: Clone + Default + Send, E: Send>(
        &self,
        rows: &[TokenizedExample],
        lengths: &[usize],
        batch_size: usize,
        map: impl Fn(&[usize], Inputs) -> Result<Vec<T>, E> + Sync,
    ) -> Result<Vec<T>, E> {
        let parts = partition_for_device(lengths, batch_size, self.backbone);
        let parts = parts.into_iter().map(|part| (part, ())).collect();
        let part_outputs = map_parts(self.backbone, lengths, parts, |part, ()| {
            let examples = part.iter().map(|&row| &rows[row]);
            let batch = DeviceBatch::for_backbone(examples, self.backbone);
            let inputs = self.embed(&batch.tasks, batch.input_ids, batch.input_mask);
            let outputs = map(&part, inputs)?;
            Ok((part, outputs))
        });
        let mut outputs = vec![T::default(); rows.len()];
        for part_output in part_outputs {
            let (part, part_output) = part_output?;
            for (row, output) in part.into_iter().zip(part_output) {
                outputs[row] = output;
            }
        }
        Ok(outputs)
    }
}
