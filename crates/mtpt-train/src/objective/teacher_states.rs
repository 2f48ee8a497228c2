use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Tensor, TensorData};
use mtpt_core::Backbone;
use mtpt_tasks::{Split, TokenBatch};

use crate::data::micro_batches::micro_batches;
use crate::error::Result;
use crate::objective::error::TeacherError;
use crate::objective::hidden_states::HiddenStates;
use crate::objective::teachers::Teachers;
use mtpt_infer::{DeviceBatch, TaskData};
use mtpt_io::layout::f32_values;

/// The last hidden states that teachers have for every training row, in a temporary file: of the decoder, and if wanted of the
/// encoder.
///
/// A row takes `4 d_model` bytes for each token of its target, and of its input where the encoder's are kept. The file has no name
/// and is gone with the program; it lies in the folder for temporary files, which `TMPDIR` names. Rows are read in groups of
/// similar length that do not depend on where training stands, so that a run that goes on finds the same bits.
#[derive(Debug)]
pub(crate) struct TeacherStates {
    file: Mutex<File>,
    /// Where the states of each row of each task begin.
    starts: Vec<Vec<u64>>,
    with_encoder: bool,
    d_model: usize,
}

/// Rows that are read from their task, and sorted by length, at a time.
const AT_ONCE: usize = 4_096;

impl TeacherStates {
    /// Bytes of the file for the training rows of tasks.
    ///
    /// # Errors
    ///
    /// When a streamed row cannot be read.
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

    /// Lets the teachers read every training row once.
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
        let mut starts: Vec<Vec<u64>> =
            data.iter().map(|task| vec![0; task.count(Split::Train)]).collect();
        let mut put = |place: &mut u64, parts: &[&[f32]]| -> io::Result<()> {
            *place = at;
            for value in parts.iter().copied().flatten() {
                writer.write_all(&value.to_le_bytes())?;
            }
            at += parts.iter().map(|part| size_of_val(*part) as u64).sum::<u64>();
            Ok(())
        };
        for (task, starts) in data.iter().zip(&mut starts) {
            for first in (0..starts.len()).step_by(AT_ONCE) {
                let numbers = first..(first + AT_ONCE).min(starts.len());
                let rows = numbers.clone().map(|row| task.row(Split::Train, row));
                let rows = rows.collect::<mtpt_infer::Result<Vec<_>>>()?;
                let rows = rows.iter().map(Cow::as_ref);
                let rows: Vec<_> = numbers.zip(rows).collect();
                for batch in micro_batches(&rows, batch_size, backbone)? {
                    let start = backbone.decoder_start_token_id();
                    let on_device = DeviceBatch::new(&batch, start, &backbone.device());
                    let composition = Some(teachers.composition());
                    let states = HiddenStates::new(backbone, composition, &on_device);
                    let encoder = with_encoder.then(|| states.encoder.into_data());
                    let decoder = states.decoder.into_data();
                    let mut decoder = f32_values(&decoder);
                    for row in 0..batch.len() {
                        let of_target;
                        (of_target, decoder) =
                            decoder.split_at(batch.target_lengths[row] * d_model);
                        let of_input = encoder.as_ref().map_or(&[][..], |states| {
                            let begin = row * batch.input_length * d_model;
                            &f32_values(states)[begin..begin + batch.input_lengths[row] * d_model]
                        });
                        put(&mut starts[batch.rows[row]], &[of_target, of_input])
                            .map_err(failed)?;
                    }
                }
            }
        }
        let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
        Ok(Self { file: Mutex::new(file), starts, with_encoder, d_model })
    }

    /// The states of the rows of a batch, as [`HiddenStates::new`] would make them; the encoder's are zeros at padding, and
    /// where they were not kept.
    pub(crate) fn read(&self, batch: &TokenBatch, device: &Device) -> Result<HiddenStates> {
        let (d_model, rows) = (self.d_model, batch.len());
        let mut decoder = Vec::with_capacity(batch.target_tokens() * d_model);
        let length = if self.with_encoder { batch.input_length } else { 0 };
        let mut encoder = vec![0.0; rows * length * d_model];
        for row in 0..rows {
            let start = self.starts[batch.tasks[row] as usize][batch.rows[row]];
            let target = batch.target_lengths[row] * d_model;
            let input = if self.with_encoder { batch.input_lengths[row] * d_model } else { 0 };
            let values = self
                .values(start, target + input)
                .map_err(|source| TeacherError::Cache { source })?;
            decoder.extend_from_slice(&values[..target]);
            let begin = row * length * d_model;
            encoder[begin..begin + input].copy_from_slice(&values[target..]);
        }
        let tokens = decoder.len() / d_model;
        let encoder = TensorData::new(encoder, [rows, length, d_model]);
        Ok(HiddenStates {
            encoder: Tensor::from_data(encoder, device),
            decoder: Tensor::from_data(TensorData::new(decoder, [tokens, d_model]), device),
        })
    }

    fn values(&self, start: u64, count: usize) -> io::Result<Vec<f32>> {
        // Who was interrupted while reading left no half-done change behind: the place is set anew each time.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = vec![0; count * size_of::<f32>()];
        file.read_exact(&mut bytes)?;
        let (chunks, _) = bytes.as_chunks::<4>();
        Ok(chunks.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }
}
