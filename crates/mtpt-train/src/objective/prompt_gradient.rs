use burn::optim::GradientsParams;
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use mtpt_core::{Backbone, Compose, StateGradients, TaskIndex, par_map, prepend};
use mtpt_infer::{DeviceBatch, tokens_at_a_time};
use mtpt_tasks::{TokenBatch, parts_by_length};

use crate::error::Result;
use crate::objective::hidden_states::HiddenStates;
use crate::objective::loss::TokenLosses;

/// Returns the losses of a batch's target tokens and their contribution to the gradient of the mean
/// over `tokens`, or no gradient if the batch's tasks have no trainable parameters.
///
/// The prompts are composed once and differentiated once. In between, the batch is computed in
/// parts of similar lengths, on a CPU one per thread. The results are those of the whole batch,
/// since no example's loss depends on another example.
pub(crate) fn differentiate<B: Backbone, C: Compose>(
    backbone: &B,
    composition: &C,
    batch: &TokenBatch,
    tokens: usize,
    losses: impl Fn(HiddenStates, &TokenBatch, &DeviceBatch) -> Result<TokenLosses> + Sync,
) -> Result<(TokenLosses, Option<GradientsParams>)> {
    let device = backbone.device();
    let prompts = prompts(backbone, composition, batch);
    assert!(prompts.is_autodiff(), "expected a module on a device with autodiff");
    let tracked = prompts.is_tracked();
    let plain = prompts.clone().without_autodiff();

    let [_, prompt_length, _] = plain.dims();
    let lengths: Vec<usize> =
        batch.input_lengths.iter().map(|length| prompt_length + length).collect();
    let most_tokens = tokens_at_a_time(lengths.iter().sum(), &device);
    let parts = parts_by_length(&lengths, usize::MAX, most_tokens);
    let order: Vec<usize> = parts.iter().flatten().copied().collect();
    let read = par_map(&device, parts, |rows| {
        let numbers: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        let numbers = Tensor::<1, Int>::from_ints(numbers.as_slice(), &device);
        let prompts = plain.clone().select(0, numbers);
        let part = batch.part(&rows);
        let of_part =
            |states: HiddenStates, on_device: &DeviceBatch| losses(states, &part, on_device);
        differentiate_part(backbone, prompts, &part, tracked.then_some(tokens), of_part)
    });
    let (losses, gradients): (Vec<TokenLosses>, Vec<Option<Tensor<3>>>) =
        read.into_iter().collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let losses = in_batch_order(losses, batch, &order);
    let gradients: Option<Vec<Tensor<3>>> = gradients.into_iter().collect();
    let gradients = gradients.map(|gradients| {
        let gradient = Tensor::cat(gradients, 0).select(0, inverse(&order, &device));
        // Chain rule: the gradient of this product with the prompt gradient, a constant, is the
        // gradient of the loss with respect to the composition's parameters.
        let product = (prompts * gradient.autodiff()).sum();
        GradientsParams::from_grads(product.backward(), composition)
    });
    Ok((losses, gradients))
}

fn prompts<B: Backbone, C: Compose>(
    backbone: &B,
    composition: &C,
    batch: &TokenBatch,
) -> Tensor<3> {
    if !composition.reads_inputs() {
        let tasks: Vec<TaskIndex> =
            batch.tasks.iter().map(|&task| TaskIndex::new(task as usize)).collect();
        return composition.compose_rows(&tasks);
    }
    let on_device = DeviceBatch::new(batch, backbone.decoder_start_token_id(), &backbone.device());
    let embeddings = backbone.embed(on_device.input_ids);
    composition.compose_for(&on_device.tasks, &embeddings, &on_device.input_mask)
}

/// Returns the losses of a part and, if the prompts are trainable, the gradient of the mean over
/// `tokens` with respect to them, `[rows, prompt_length, d_model]`.
fn differentiate_part<B: Backbone>(
    backbone: &B,
    prompts: Tensor<3>,
    part: &TokenBatch,
    tokens: Option<usize>,
    losses: impl Fn(HiddenStates, &DeviceBatch) -> Result<TokenLosses>,
) -> Result<(TokenLosses, Option<Tensor<3>>)> {
    let on_device = DeviceBatch::new(part, backbone.decoder_start_token_id(), &backbone.device());
    let [rows, prompt_length, d_model] = prompts.dims();
    let embeddings = backbone.embed(on_device.input_ids.clone());
    let (embeddings, mask) = prepend(prompts, embeddings, on_device.input_mask.clone());
    let inputs = on_device.decoder_input_ids.clone();
    let vjp = backbone.vjp(embeddings, mask, inputs, prompt_length);
    let states =
        HiddenStates::select(vjp.encoder_states.clone(), vjp.decoder_states.clone(), &on_device);
    let Some(tokens) = tokens else {
        return Ok((losses(states, &on_device)?, None));
    };

    // Autodiff takes the loss to the hidden states only; the model's own pullback does the rest.
    let encoder = states.encoder.autodiff().require_grad();
    let decoder = states.decoder.autodiff().require_grad();
    let states = HiddenStates { encoder: encoder.clone(), decoder: decoder.clone() };
    let losses = losses(states, &on_device)?;
    let mut gradients = losses.total().sum().div_scalar(tokens as f64).backward();
    let losses = losses.without_autodiff();

    let of_decoder =
        decoder.grad_remove(&mut gradients).expect("invariant: the loss depends on the decoder");
    let [_, target_length] = on_device.decoder_input_ids.dims();
    let positions = rows * target_length;
    let of_decoder = Tensor::<2>::zeros([positions, d_model], &of_decoder.device())
        .cast(of_decoder.dtype())
        .select_assign(0, on_device.target_positions, of_decoder, IndexingUpdateOp::Add)
        .reshape([rows, target_length, d_model]);
    let of_encoder = encoder.grad_remove(&mut gradients).map(|of_inputs| {
        let [rows, _, d_model] = of_inputs.dims();
        let of_prompts = Tensor::<3>::zeros([rows, prompt_length, d_model], &of_inputs.device())
            .cast(of_inputs.dtype());
        Tensor::cat(vec![of_prompts, of_inputs], 1)
    });
    let gradient = vjp.pullback(StateGradients { encoder: of_encoder, decoder: of_decoder });
    Ok((losses, Some(gradient)))
}

/// Returns the losses of parts as losses of the batch, row by row.
fn in_batch_order(parts: Vec<TokenLosses>, batch: &TokenBatch, order: &[usize]) -> TokenLosses {
    // Index of each row's first token among those of the parts.
    let mut starts = vec![0; batch.len()];
    let mut start = 0;
    for &row in order {
        starts[row] = start;
        start += batch.target_lengths[row];
    }
    let tokens = starts.iter().zip(&batch.target_lengths);
    let tokens: Vec<i64> = tokens
        .flat_map(|(&start, &length)| start..start + length)
        .map(|token| token as i64)
        .collect();
    TokenLosses::cat(parts, &tokens)
}

/// Returns the inverse of a permutation, `[rows]`.
fn inverse(order: &[usize], device: &Device) -> Tensor<1, Int> {
    let mut positions = vec![0_i64; order.len()];
    for (position, &row) in order.iter().enumerate() {
        positions[row] = position as i64;
    }
    Tensor::from_data(TensorData::new(positions, [order.len()]), device)
}
