use burn::optim::GradientsParams;
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};
use mtpt_core::{
    Backbone, Compose, Inputs, SplitPrompts, StateGradients, TaskIndex, prepend_split,
};
use mtpt_infer::{DeviceBatch, map_parts, partition_for_device};
use mtpt_tasks::{Batch, BatchRow};

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
    batch: &Batch,
    tokens: usize,
    losses: impl Fn(HiddenStates, &[&BatchRow], &DeviceBatch) -> Result<TokenLosses> + Sync,
) -> Result<(TokenLosses, Option<GradientsParams>)> {
    let device = backbone.device();
    // Prompts that depend on inputs are composed below, from the embeddings of each part.
    let shared = (!composition.reads_inputs()).then(|| {
        let tasks: Vec<TaskIndex> =
            batch.examples().map(|example| TaskIndex::new(example.task)).collect();
        composition.compose_rows(&tasks)
    });
    let plain = shared.clone().map(without_autodiff);

    let decoder_vectors = composition.decoder_vectors();
    let prompt_length = composition.prompt_length() - decoder_vectors.len();
    let lengths: Vec<usize> =
        batch.examples().map(|example| prompt_length + example.input_ids.len()).collect();
    let parts = partition_for_device(&lengths, usize::MAX, backbone);
    let order: Vec<usize> = parts.iter().flatten().copied().collect();
    let row_indices = parts.clone();
    // Not in the parallel computation below: a backward pass in one thread frees nodes of a graph
    // that another thread builds on the same parameters.
    let (parts, composed): (Vec<_>, Vec<_>) = parts
        .into_iter()
        .map(|part| {
            let rows: Vec<&BatchRow> = part.iter().map(|&row| &batch.rows()[row]).collect();
            let examples = rows.iter().map(|row| &row.example);
            let on_device = DeviceBatch::for_backbone(examples, backbone);
            let embeddings = backbone.embed(on_device.input_ids.clone());
            let mask = on_device.input_mask.clone();
            let (plain, composed) = match &plain {
                Some(plain) => (plain.clone().select(0, indices(&part, &device)), None),
                None => {
                    let prompts = composition.compose_for(&on_device.tasks, &embeddings, &mask);
                    (without_autodiff(prompts.clone()), Some(prompts))
                }
            };
            let prompts = SplitPrompts::split(plain, decoder_vectors.clone());
            ((rows, on_device, prepend_split(prompts, embeddings, mask)), composed)
        })
        .unzip();
    let rows_in_batch_order = |parts: Vec<Option<Tensor<3>>>| {
        let parts: Option<Vec<Tensor<3>>> = parts.into_iter().collect();
        parts.map(|parts| Tensor::cat(parts, 0).select(0, inverse(&order, &device)))
    };
    let prompts = shared.or_else(|| rows_in_batch_order(composed)).filter(Tensor::is_tracked);
    let tracked_tokens = prompts.is_some().then_some(tokens);

    let parts = row_indices.into_iter().zip(parts).collect();
    let outputs = map_parts(backbone, &lengths, parts, |_, (rows, on_device, inputs)| {
        let losses = |states: HiddenStates| losses(states, &rows, &on_device);
        let (losses, gradient) =
            differentiate_part(backbone, inputs, &on_device, tracked_tokens, losses)?;
        Ok((losses, gradient.map(|gradient| gradient.join(decoder_vectors.clone()))))
    });
    let (losses, gradients): (Vec<TokenLosses>, Vec<Option<Tensor<3>>>) =
        outputs.into_iter().collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let losses = losses_in_batch_order(losses, batch, &order);
    let gradients = prompts.zip(rows_in_batch_order(gradients)).map(|(prompts, gradient)| {
        // Chain rule: the gradient of this product with the prompt gradient, a constant, is the
        // gradient of the loss with respect to the composition's parameters.
        let product = (prompts * gradient.autodiff()).sum();
        GradientsParams::from_grads(product.backward(), composition)
    });
    Ok((losses, gradients))
}

fn without_autodiff(prompts: Tensor<3>) -> Tensor<3> {
    assert!(prompts.is_autodiff(), "expected a module on a device with autodiff");
    prompts.without_autodiff()
}

/// Returns the losses of a part and, if `tokens` is given, the gradient of the mean over `tokens`
/// with respect to the prompts.
fn differentiate_part<B: Backbone>(
    backbone: &B,
    inputs: Inputs,
    on_device: &DeviceBatch,
    tokens: Option<usize>,
    losses: impl Fn(HiddenStates) -> Result<TokenLosses>,
) -> Result<(TokenLosses, Option<SplitPrompts>)> {
    let [rows, length, d_model] = inputs.embeddings.dims();
    let [_, input_length] = on_device.input_mask.dims();
    let prompt_length = length - input_length;
    let vjp = backbone.vjp(inputs, on_device.decoder_input_ids.clone(), prompt_length);
    let states =
        HiddenStates::select(vjp.encoder_states.clone(), vjp.decoder_states.clone(), on_device);
    let Some(tokens) = tokens else {
        return Ok((losses(states)?, None));
    };

    // Autodiff takes the loss to the hidden states only; the model's own pullback does the rest.
    let encoder = states.encoder.autodiff().require_grad();
    let decoder = states.decoder.autodiff().require_grad();
    let states = HiddenStates { encoder: encoder.clone(), decoder: decoder.clone() };
    let losses = losses(states)?;
    let mut gradients = losses.total().sum().div_scalar(tokens as f64).backward();
    let losses = losses.without_autodiff();

    let of_decoder =
        decoder.grad_remove(&mut gradients).expect("invariant: the loss depends on the decoder");
    let [_, target_length] = on_device.decoder_input_ids.dims();
    let positions = rows * target_length;
    let of_decoder = Tensor::<2>::zeros([positions, d_model], &of_decoder.device())
        .cast(of_decoder.dtype())
        .select_assign(0, on_device.target_positions.clone(), of_decoder, IndexingUpdateOp::Add)
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
fn losses_in_batch_order(parts: Vec<TokenLosses>, batch: &Batch, order: &[usize]) -> TokenLosses {
    let lengths: Vec<usize> = batch.examples().map(|example| example.target_ids.len()).collect();
    // Index of each row's first token among those of the parts.
    let mut starts = vec![0; lengths.len()];
    let mut start = 0;
    for &row in order {
        starts[row] = start;
        start += lengths[row];
    }
    let tokens: Vec<i64> = starts
        .into_iter()
        .zip(lengths)
        .flat_map(|(start, length)| start..start + length)
        .map(|token| token as i64)
        .collect();
    TokenLosses::cat(parts, &tokens)
}

/// Returns the inverse of a permutation, `[rows]`.
fn inverse(order: &[usize], device: &Device) -> Tensor<1, Int> {
    let mut positions = vec![0; order.len()];
    for (position, &row) in order.iter().enumerate() {
        positions[row] = position;
    }
    indices(&positions, device)
}

fn indices(values: &[usize], device: &Device) -> Tensor<1, Int> {
    let values: Vec<i64> = values.iter().map(|&value| value as i64).collect();
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}
