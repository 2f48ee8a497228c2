use std::sync::OnceLock;

use burn::optim::GradientsParams;
use burn::tensor::{Bool, Int, Tensor, activation};
use mtpt_core::{Backbone, Compose};
use mtpt_tasks::{Batch, BatchRow, Split};
use serde_json::{Value, json};

use crate::config::distillation::{DistillationConfig, KeepStates, Reduction, Stack};
use crate::error::Result;
use crate::objective::cross_entropy::token_losses;
use crate::objective::hidden_states::HiddenStates;
use crate::objective::loss::{Objective, TokenLosses};
use crate::objective::prompt_gradient;
use crate::objective::teacher_states::TeacherStates;
use crate::objective::teachers::Teachers;
use mtpt_infer::{DeviceBatch, TaskData};

/// Prompt tuning with distillation: the first stage of multitask prompt tuning (Wang et al., 2023,
/// section 3.2).
///
/// The loss is the negative log-likelihood of the targets, plus the divergence `KL(teacher ||
/// student)` of the distributions of every target token, plus the squared difference of the final
/// hidden states: of the encoder at the tokens of the input, and of the decoder where it predicts
/// the target. The teacher of an example is the same frozen model with the plain prompt of the
/// example's task.
#[derive(Debug)]
pub struct Distillation<'a, B> {
    backbone: &'a B,
    teachers: &'a Teachers,
    config: &'a DistillationConfig,
    /// Cached hidden states of the teachers, if they are cached.
    cache: Option<Cache<'a>>,
}

/// Hidden states of the teachers for every example, computed at the first access: a completed run
/// that is resumed doesn't need them.
#[derive(Debug)]
struct Cache<'a> {
    data: &'a [TaskData],
    batch_size: usize,
    states: OnceLock<TeacherStates>,
}

/// Maximum size of the cache with `keep_states = "auto"`, in bytes.
const MAX_CACHE_BYTES: u64 = 4 << 30;

impl<'a, B: Backbone> Distillation<'a, B> {
    /// Creates the objective for a frozen model. The teachers run a forward pass on each batch.
    pub fn new(backbone: &'a B, teachers: &'a Teachers, config: &'a DistillationConfig) -> Self {
        Self { backbone, teachers, config, cache: None }
    }

    /// Caches the teachers' hidden states for every training example on disk, computed `batch_size`
    /// at a time, if the configuration requests it or it is cheaper for a training that uses this
    /// many examples.
    ///
    /// # Errors
    ///
    /// When a streamed example cannot be read.
    pub fn with_cache(
        mut self,
        data: &'a [TaskData],
        examples_to_train: usize,
        batch_size: usize,
    ) -> Result<Self> {
        let rows: usize = data.iter().map(|task| task.count(Split::Train)).sum();
        let cached = match self.config.keep_states {
            KeepStates::Always => true,
            KeepStates::Never => false,
            KeepStates::Auto => {
                let with_encoder = self.config.reads(Stack::Encoder);
                let bytes = || TeacherStates::bytes(data, with_encoder, self.backbone.d_model());
                rows < examples_to_train && bytes()? <= MAX_CACHE_BYTES
            }
        };
        self.cache = cached.then(|| Cache { data, batch_size, states: OnceLock::new() });
        Ok(self)
    }

    /// Returns whether the teachers' hidden states are cached.
    pub fn is_cached(&self) -> bool {
        self.cache.is_some()
    }

    fn teacher_states(&self, rows: &[&BatchRow], on_device: &DeviceBatch) -> Result<HiddenStates> {
        let (backbone, teachers) = (self.backbone, self.teachers);
        match self.cached_states()? {
            Some(states) => states.read(rows, on_device),
            None => Ok(HiddenStates::new(backbone, Some(teachers.composition()), on_device)),
        }
    }

    /// Returns the cached states, if they are cached, and computes them at the first call.
    fn cached_states(&self) -> Result<Option<&TeacherStates>> {
        let Some(Cache { data, batch_size, states }) = &self.cache else { return Ok(None) };
        if let Some(states) = states.get() {
            return Ok(Some(states));
        }
        let (backbone, teachers) = (self.backbone, self.teachers);
        let with_encoder = self.config.reads(Stack::Encoder);
        let read = TeacherStates::write(data, backbone, teachers, with_encoder, *batch_size)?;
        Ok(Some(states.get_or_init(|| read)))
    }
}

impl<B: Backbone, C: Compose> Objective<C> for Distillation<'_, B> {
    fn token_losses(&self, composition: &C, batch: &Batch) -> Result<TokenLosses> {
        let rows: Vec<&BatchRow> = batch.rows().iter().collect();
        let on_device = DeviceBatch::for_backbone(batch.examples(), self.backbone);
        let states = HiddenStates::new(self.backbone, Some(composition), &on_device);
        self.losses_of(states, &rows, &on_device)
    }

    fn differentiate(
        &self,
        composition: &C,
        batch: &Batch,
        tokens: usize,
    ) -> Result<(TokenLosses, Option<GradientsParams>)> {
        if self.config.weight > 0.0 {
            // Before the batch is divided into parts that are computed in parallel.
            self.cached_states()?;
        }
        let losses = |states: HiddenStates, rows: &[&BatchRow], on_device: &DeviceBatch| {
            self.losses_of(states, rows, on_device)
        };
        prompt_gradient::differentiate(self.backbone, composition, batch, tokens, losses)
    }

    fn identity(&self) -> Value {
        // Cached states were computed in other batches, so they differ by rounding.
        json!({ "distillation": self.config, "teachers": self.teachers.checksum(), "kept": self.is_cached() })
    }
}

impl<B: Backbone> Distillation<'_, B> {
    /// Returns the losses of rows from the student's hidden states.
    fn losses_of(
        &self,
        states: HiddenStates,
        rows: &[&BatchRow],
        on_device: &DeviceBatch,
    ) -> Result<TokenLosses> {
        let (backbone, config) = (self.backbone, self.config);
        let logits = backbone.logits(states.decoder.clone());
        let mut auxiliary = Vec::new();
        if config.weight > 0.0 {
            let teacher = self.teacher_states(rows, on_device)?;
            if config.logits > 0.0 {
                let teacher = backbone.logits(teacher.decoder.clone());
                let divergence = divergences(logits.clone(), teacher, config.temperature);
                auxiliary.push(("logits", divergence.mul_scalar(config.weight * config.logits)));
            }
            let mut hidden = Vec::new();
            if config.reads(Stack::Encoder) {
                let mask = &on_device.input_mask;
                let values = encoder_differences(states.encoder, teacher.encoder, mask, config);
                hidden.push(to_tokens(values, rows, config));
            }
            if config.reads(Stack::Decoder) {
                let difference = (states.decoder - teacher.decoder).square();
                hidden.push(reduce(difference, config).squeeze_dim::<1>(1));
            }
            if let Some(hidden) = hidden.into_iter().reduce(Tensor::add) {
                auxiliary.push(("hidden", hidden.mul_scalar(config.weight * config.hidden)));
            }
        }
        let targets = on_device.targets.clone();
        Ok(TokenLosses { nll: token_losses(logits, targets), auxiliary })
    }
}

/// Returns `T^2 KL(teacher || student)` of each row of logits at temperature `T`, in nats.
///
/// # Shapes
///
/// - `student`, `teacher`: `[tokens, vocab_size]`
/// - output: `[tokens]`
fn divergences(student: Tensor<2>, teacher: Tensor<2>, temperature: f64) -> Tensor<1> {
    let [student, teacher] =
        [student, teacher].map(|logits| activation::log_softmax(logits.div_scalar(temperature), 1));
    let divergence = (teacher.clone().exp() * (teacher - student)).sum_dim(1);
    divergence.squeeze_dim::<1>(1).mul_scalar(temperature * temperature)
}

/// Returns the squared differences of the encoder's states of each row, without padding: `[batch]`.
fn encoder_differences(
    student: Tensor<3>,
    teacher: Tensor<3>,
    mask: &Tensor<2, Bool>,
    config: &DistillationConfig,
) -> Tensor<1> {
    let [batch, length, d_model] = student.dims();
    // States at padding are unspecified and may be NaN.
    let padding = mask.clone().bool_not().unsqueeze_dim::<3>(2).expand([batch, length, d_model]);
    let squares = (student - teacher).mask_fill(padding, 0.0).square();
    let tokens = reduce(squares.reshape([batch * length, d_model]), config);
    let sums = tokens.reshape([batch, length]).sum_dim(1).squeeze_dim::<1>(1);
    match config.reduction {
        Reduction::Mean => sums / mask.clone().float().sum_dim(1).squeeze_dim::<1>(1),
        Reduction::Sum => sums,
    }
}

/// Reduces over the width: `[rows, d_model]` to `[rows, 1]`.
fn reduce(squares: Tensor<2>, config: &DistillationConfig) -> Tensor<2> {
    match config.reduction {
        Reduction::Mean => squares.mean_dim(1),
        Reduction::Sum => squares.sum_dim(1),
    }
}

/// Expands a value per row to the tokens of its target: `[batch]` to `[target_tokens]`.
fn to_tokens(values: Tensor<1>, rows: &[&BatchRow], config: &DistillationConfig) -> Tensor<1> {
    let device = values.device();
    let lengths: Vec<usize> = rows.iter().map(|row| row.example.target_ids.len()).collect();
    let numbers: Vec<i64> =
        (0..).zip(&lengths).flat_map(|(row, &length)| std::iter::repeat_n(row, length)).collect();
    let values = match config.reduction {
        Reduction::Mean => values,
        // The sum over the row's tokens is the row's value.
        Reduction::Sum => {
            let lengths: Vec<f32> = lengths.iter().map(|&length| length as f32).collect();
            values / Tensor::from_floats(lengths.as_slice(), &device)
        }
    };
    values.select(0, Tensor::<1, Int>::from_ints(numbers.as_slice(), &device))
}
