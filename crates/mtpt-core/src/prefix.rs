use burn::tensor::{Bool, Tensor};

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
