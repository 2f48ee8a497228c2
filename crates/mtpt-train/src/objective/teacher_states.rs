use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use burn::tensor::{Tensor, TensorData};
use mtpt_core::Backbone;
use mtpt_tasks::{BatchRow, Split};

use crate::data::micro_batches::micro_batches;
use crate::error::Result;
use crate::objective::error::TeacherError;
use crate::objective::hidden_states::HiddenStates;
use crate::objective::teachers::Teachers;
use mtpt_infer::{DeviceBatch, TaskData};
use mtpt_io::layout::f32_values;

/// The teachers' final hidden states for every training example, in a temporary file: of the
/// decoder, and optionally of the encoder.
///
/// An example takes `4 d_model` bytes per token of its target, and per token of its input if the
/// encoder's states are stored. The file is unnamed, in the directory given by `TMPDIR`, and is
/// removed when the process ends. Examples are computed in batches of similar lengths that do not
/// depend on the current step, so that a resumed run gets exactly the same values.
#[derive(Debug)]
pub(crate) struct TeacherStates {
    file: Mutex<File>,
    /// Offset of the states of each example of each task, in bytes.
    offsets: Vec<Vec<u64>>,
    with_encoder: bool,
    d_model: usize,
}

/// Number of examples that are read and sorted by length at a time.
const CHUNK: usize = 4_096;

impl TeacherStates {
    /// Returns the size of the file for the training examples of tasks, in bytes.
    ///
    /// # Errors
    ///
    /// When a streamed example cannot be read.
    pub(crate) fn bytes(data: &[TaskData], with_encoder: bool, d_model: usize) -> Result<u64> {
        let mut vectors = 0;
        for task in data {
            for row in 0..task.count(Split::Train) {
                let row = task.row(Split::Train, row)?;
                vectors += row.target_ids.len();
                vectors += if with_encoder { row.input_ids.len() } else { 0 };
            }
        }
        Ok((vectors * d_model * size_of::<f32>()) as u64)
    }

    /// Computes and stores the states of every training example.
    pub(crate) fn write<B: Backbone>(
        data: &[TaskData],
        backbone: &B,
        teachers: &Teachers,
        with_encoder: bool,
        batch_size: usize,
    ) -> Result<Self> {
        let failed = |source| TeacherError::Cache { source };
        let d_model = backbone.d_model();
        let mut writer = BufWriter::new(tempfile::tempfile().map_err(failed)?);
        let mut at = 0;
        let mut offsets: Vec<Vec<u64>> =
            data.iter().map(|task| vec![0; task.count(Split::Train)]).collect();
        let mut put = |offset: &mut u64, parts: &[&[f32]]| -> io::Result<()> {
            *offset = at;
            for value in parts.iter().copied().flatten() {
                writer.write_all(&value.to_le_bytes())?;
            }
            at += parts.iter().map(|part| size_of_val(*part) as u64).sum::<u64>();
            Ok(())
        };
        for (task, offsets) in data.iter().zip(&mut offsets) {
            for first in (0..offsets.len()).step_by(CHUNK) {
                let numbers = first..(first + CHUNK).min(offsets.len());
                let rows = numbers.clone().map(|row| task.row(Split::Train, row));
                let rows = rows.collect::<mtpt_infer::Result<Vec<_>>>()?;
                let rows = rows.iter().map(Cow::as_ref);
                let rows: Vec<_> = numbers.zip(rows).collect();
                for batch in micro_batches(&rows, batch_size)? {
                    let on_device = DeviceBatch::for_backbone(batch.examples(), backbone);
                    let composition = Some(teachers.composition());
                    let states = HiddenStates::new(backbone, composition, &on_device);
                    let encoder = with_encoder.then(|| states.encoder.into_data());
                    let decoder = states.decoder.into_data();
                    let mut decoder = f32_values(&decoder);
                    let [_, input_length] = on_device.input_mask.dims();
                    for (position, BatchRow { example, index }) in batch.rows().iter().enumerate() {
                        let of_target;
                        (of_target, decoder) = decoder.split_at(example.target_ids.len() * d_model);
                        let of_input = encoder.as_ref().map_or(&[][..], |states| {
                            let begin = position * input_length * d_model;
                            &f32_values(states)[begin..][..example.input_ids.len() * d_model]
                        });
                        put(&mut offsets[*index], &[of_target, of_input]).map_err(failed)?;
                    }
                }
            }
        }
        let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(Self { file: Mutex::new(file), offsets, with_encoder, d_model })
    }

    /// Reads the states of rows, as [`HiddenStates::new`] returns them for the same rows on the
    /// device. Those of the encoder are zero at padding, and empty if they were not stored.
    pub(crate) fn read(&self, rows: &[&BatchRow], on_device: &DeviceBatch) -> Result<HiddenStates> {
        let d_model = self.d_model;
        let [_, input_length] = on_device.input_mask.dims();
        let length = if self.with_encoder { input_length } else { 0 };
        let mut decoder = Vec::new();
        let mut encoder = vec![0.0; rows.len() * length * d_model];
        for (position, BatchRow { example, index }) in rows.iter().enumerate() {
            let start = self.offsets[example.task][*index];
            let target = example.target_ids.len() * d_model;
            let input = if self.with_encoder { example.input_ids.len() * d_model } else { 0 };
            let values = self
                .values(start, target + input)
                .map_err(|source| TeacherError::Cache { source })?;
            decoder.extend_from_slice(&values[..target]);
            let begin = position * length * d_model;
            encoder[begin..begin + input].copy_from_slice(&values[target..]);
        }
        let tokens = decoder.len() / d_model;
        let encoder = TensorData::new(encoder, [rows.len(), length, d_model]);
        let device = &on_device.input_mask.device();
        Ok(HiddenStates {
            encoder: Tensor::from_data(encoder, device),
            decoder: Tensor::from_data(TensorData::new(decoder, [tokens, d_model]), device),
        })
    }

    fn values(&self, start: u64, count: usize) -> io::Result<Vec<f32>> {
        // A poisoned lock is harmless, since every read sets the position first.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![0; count * size_of::<f32>()];
        file.read_exact(&mut bytes)?;
        let (chunks, _) = bytes.as_chunks::<4>();
        Ok(chunks.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }
}
