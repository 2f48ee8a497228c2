use burn::tensor::{Bool, Int, Tensor};

use crate::backbone::Backbone;
use crate::compose::Compose;
use crate::index::TaskIndex;
use crate::inputs::Inputs;
use crate::split_prompts::SplitPrompts;

/// Prepends prompts to the embeddings of a batch and extends the mask over them.
///
/// # Shapes
///
/// - `prompts`: `[batch, prompt_length, d_model]`
/// - `embeddings`: `[batch, length, d_model]`
/// - `mask`: `[batch, length]`, `true` at tokens
/// - output: `[batch, prompt_length + length, d_model]` and `[batch, prompt_length + length]`
///
/// # Panics
///
/// When the batch sizes or widths differ.
pub fn prepend(
    prompts: Tensor<3>,
    embeddings: Tensor<3>,
    mask: Tensor<2, Bool>,
) -> (Tensor<3>, Tensor<2, Bool>) {
    let [batch, prompt_length, d_model] = prompts.dims();
    let [rows, length, width] = embeddings.dims();
    assert_eq!(
        (batch, d_model),
        (rows, width),
        "prompts are [{batch}, {prompt_length}, {d_model}], embeddings [{rows}, {length}, {width}]"
    );
    let ones = Tensor::<2, Bool>::full([batch, prompt_length], true, &mask.device());
    (Tensor::cat(vec![prompts, embeddings], 1), Tensor::cat(vec![ones, mask], 1))
}

/// Prepends prompts to the inputs of a batch: those of the encoder to its embeddings, with a mask
/// that extends over them, and those of the decoder to its tokens.
///
/// # Shapes
///
/// - `embeddings`: `[batch, length, d_model]`
/// - `mask`: `[batch, length]`, `true` at tokens
///
/// # Panics
///
/// When the batch sizes or widths differ.
pub fn prepend_split(
    prompts: SplitPrompts,
    embeddings: Tensor<3>,
    mask: Tensor<2, Bool>,
) -> Inputs {
    let (embeddings, mask) = prepend(prompts.encoder, embeddings, mask);
    Inputs { embeddings, mask, decoder_prompt: prompts.decoder }
}

/// Embeds a batch and prepends the prompt of each row's task if there is a composition.
///
/// # Shapes
///
/// - `tasks`: one per row; unused without a composition
/// - `ids`, `mask`: `[batch, length]`
///
/// # Panics
///
/// When the numbers of rows or the widths differ, or the composition doesn't have a task.
pub fn embed_prompted<B: Backbone + ?Sized, C: Compose>(
    backbone: &B,
    composition: Option<&C>,
    tasks: &[TaskIndex],
    ids: Tensor<2, Int>,
    mask: Tensor<2, Bool>,
) -> Inputs {
    let embeddings = backbone.embed(ids);
    match composition {
        Some(composition) => {
            let prompts = composition.compose_for(tasks, &embeddings, &mask);
            let prompts = SplitPrompts::split(prompts, composition.decoder_vectors());
            prepend_split(prompts, embeddings, mask)
        }
        None => Inputs::new(embeddings, mask),
    }
}
