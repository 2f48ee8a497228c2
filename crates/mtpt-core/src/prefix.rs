use burn::tensor::{Bool, Int, Tensor};

use crate::{Backbone, Compose, TaskIndex};

/// Puts prompts in front of the embeddings of a batch and extends the mask over them.
///
/// # Shapes
///
/// - `prompts`: `[batch, prompt_length, d_model]`
/// - `embeddings`: `[batch, length, d_model]`
/// - `mask`: `[batch, length]`, `true` where a token stands
/// - output: `[batch, prompt_length + length, d_model]` and `[batch, prompt_length + length]`
///
/// # Panics
///
/// When the batch sizes or the widths differ.
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

/// Embeddings of a batch with the prompt of each row's task in front, or without prompts, and the mask over both.
///
/// # Shapes
///
/// - `tasks`: one for each row; not looked at without a composition
/// - `ids`, `mask`: `[batch, length]`
/// - output: `[batch, prompt_length + length, d_model]` and `[batch, prompt_length + length]`
///
/// # Panics
///
/// When the numbers of rows or the widths differ, or a task is none of the composition's.
pub fn embed_prompted<B: Backbone + ?Sized, C: Compose>(
    backbone: &B,
    composition: Option<&C>,
    tasks: &[TaskIndex],
    ids: Tensor<2, Int>,
    mask: Tensor<2, Bool>,
) -> (Tensor<3>, Tensor<2, Bool>) {
    let embeddings = backbone.embed(ids);
    match composition {
        Some(composition) => {
            let prompts = composition.compose_for(tasks, &embeddings, &mask);
            prepend(prompts, embeddings, mask)
        }
        None => (embeddings, mask),
    }
}
