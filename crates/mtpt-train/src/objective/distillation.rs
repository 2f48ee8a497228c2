use std::sync::OnceLock;

use burn::optim::GradientsParams;
use burn::tensor::{Bool, Int, Tensor, activation};
use mtpt_core::{Backbone, Compose};
use mtpt_tasks::{Split, TokenBatch};
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

/// Prompt tuning that learns from teachers, too: stage one of multitask prompt tuning (Wang et al., 2023, section 3.2).
///
/// To the negative log-likelihood of the targets come the divergence `KL(teacher || student)` of the distributions of every
/// target token, and the squared difference of the last hidden states of the encoder, at the tokens of the input, and of the
/// decoder, where it writes the target. The teacher of a row is the plain prompt of its task in front of the same frozen model.
#[derive(Debug)]
pub struct Distillation<'a, B> {
    backbone: &'a B,
    teachers: &'a Teachers,
    config: &'a DistillationConfig,
    /// Where the states of teachers are kept, if they are.
    kept: Option<Kept<'a>>,
}

/// What teachers make of every row. They read when they are first asked: a run that is at its end already has no use for it.
#[derive(Debug)]
struct Kept<'a> {
    data: &'a [TaskData],
    batch_size: usize,
    states: OnceLock<TeacherStates>,
}

/// Bytes of hidden states on disk up to which they are kept without being asked.
const MOST_BYTES: u64 = 4 << 30;

impl<'a, B: Backbone> Distillation<'a, B> {
    /// The objective for a frozen model, whose teachers read each batch when the student does.
    pub fn new(backbone: &'a B, teachers: &'a Teachers, config: &'a DistillationConfig) -> Self {
        Self { backbone, teachers, config, kept: None }
    }

    /// The same, where teachers read every training row once, `batch_size` at a time, and what they make of it is kept on disk,
    /// if the configuration wants it or that is cheaper for a training that reads so many rows.
    ///
    /// # Errors
    ///
    /// When a streamed row cannot be read.
    pub fn with_cache(
        mut self,
        data: &'a [TaskData],
        rows_to_read: usize,
        batch_size: usize,
    ) -> Result<Self> {
        let rows: usize = data.iter().map(|task| task.count(Split::Train)).sum();
        let keep = match self.config.keep_states {
            KeepStates::Always => true,
            KeepStates::Never => false,
            KeepStates::Auto => {
                let with_encoder = self.config.reads(Stack::Encoder);
                let bytes = || TeacherStates::bytes(data, with_encoder, self.backbone.d_model());
                rows < rows_to_read && bytes()? <= MOST_BYTES
            }
        };
        self.kept = keep.then(|| Kept { data, batch_size, states: OnceLock::new() });
        Ok(self)
    }

    /// Whether what teachers make of rows is kept.
    pub fn is_cached(&self) -> bool {
        self.kept.is_some()
    }

    fn of_teachers(&self, batch: &TokenBatch, on_device: &DeviceBatch) -> Result<HiddenStates> {
        let (backbone, teachers) = (self.backbone, self.teachers);
        match self.kept_states()? {
            Some(states) => states.read(batch, &backbone.device()),
            None => Ok(HiddenStates::new(backbone, Some(teachers.composition()), on_device)),
        }
    }

    /// What teachers make of every row, if that is kept: the first time, they read.
    fn kept_states(&self) -> Result<Option<&TeacherStates>> {
        let Some(Kept { data, batch_size, states }) = &self.kept else { return Ok(None) };
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
    fn token_losses(&self, composition: &C, batch: &TokenBatch) -> Result<TokenLosses> {
        let start = self.backbone.decoder_start_token_id();
        let on_device = DeviceBatch::new(batch, start, &self.backbone.device());
        let states = HiddenStates::new(self.backbone, Some(composition), &on_device);
        self.losses_of(states, batch, &on_device)
    }

    fn differentiate(
        &self,
        composition: &C,
        batch: &TokenBatch,
        tokens: usize,
    ) -> Result<(TokenLosses, Option<GradientsParams>)> {
        if self.config.weight > 0.0 {
            // Once, and not by each part of the batch.
            self.kept_states()?;
        }
        let losses = |states: HiddenStates, batch: &TokenBatch, on_device: &DeviceBatch| {
            self.losses_of(states, batch, on_device)
        };
        prompt_gradient::differentiate(self.backbone, composition, batch, tokens, losses)
    }

    fn identity(&self) -> Value {
        // States that are kept were computed among other rows: the same but for rounding.
        json!({ "distillation": self.config, "teachers": self.teachers.checksum(), "kept": self.is_cached() })
    }
}

impl<B: Backbone> Distillation<'_, B> {
    /// The losses of a batch of which the model made these states.
    fn losses_of(
        &self,
        states: HiddenStates,
        batch: &TokenBatch,
        on_device: &DeviceBatch,
    ) -> Result<TokenLosses> {
        let (backbone, config) = (self.backbone, self.config);
        let logits = backbone.logits(states.decoder.clone());
        let mut auxiliary = Vec::new();
        if config.weight > 0.0 {
            let teacher = self.of_teachers(batch, on_device)?;
            if config.logits > 0.0 {
                let teacher = backbone.logits(teacher.decoder.clone());
                let divergence = divergences(logits.clone(), teacher, config.temperature);
                auxiliary.push(("logits", divergence.mul_scalar(config.weight * config.logits)));
            }
            let mut hidden = Vec::new();
            if config.reads(Stack::Encoder) {
                let mask = &on_device.input_mask;
                let rows = encoder_differences(states.encoder, teacher.encoder, mask, config);
                hidden.push(to_tokens(rows, batch, config));
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

/// `T^2 KL(teacher || student)` of each row of logits at temperature `T`, in nats.
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

/// Squared differences of the encoder's states of each row, padding left out: `[batch]`.
fn encoder_differences(
    student: Tensor<3>,
    teacher: Tensor<3>,
    mask: &Tensor<2, Bool>,
    config: &DistillationConfig,
) -> Tensor<1> {
    let [batch, length, d_model] = student.dims();
    // Rows at padding are unspecified: they could be anything, a number or not.
    let padding = mask.clone().bool_not().unsqueeze_dim::<3>(2).expand([batch, length, d_model]);
    let squares = (student - teacher).mask_fill(padding, 0.0).square();
    let tokens = reduce(squares.reshape([batch * length, d_model]), config);
    let sums = tokens.reshape([batch, length]).sum_dim(1).squeeze_dim::<1>(1);
    match config.reduction {
        Reduction::Mean => sums / mask.clone().float().sum_dim(1).squeeze_dim::<1>(1),
        Reduction::Sum => sums,
    }
}

/// Mean or sum over the width: `[rows, d_model]` to `[rows, 1]`.
fn reduce(squares: Tensor<2>, config: &DistillationConfig) -> Tensor<2> {
    match config.reduction {
        Reduction::Mean => squares.mean_dim(1),
        Reduction::Sum => squares.sum_dim(1),
    }
}

/// What counts for a row, told for each token of its target: `[batch]` to `[target_tokens]`.
fn to_tokens(rows: Tensor<1>, batch: &TokenBatch, config: &DistillationConfig) -> Tensor<1> {
    let device = rows.device();
    let lengths = batch.target_lengths.iter().enumerate();
    let numbers: Vec<i64> =
        lengths.flat_map(|(row, &length)| std::iter::repeat_n(row as i64, length)).collect();
    let rows = match config.reduction {
        Reduction::Mean => rows,
        // Once for the row, and not once for each of its tokens.
        Reduction::Sum => {
            let lengths: Vec<f32> =
                batch.target_lengths.iter().map(|&length| length as f32).collect();
            rows / Tensor::from_floats(lengths.as_slice(), &device)
        }
    };
    rows.select(0, Tensor::<1, Int>::from_ints(numbers.as_slice(), &device))
}
