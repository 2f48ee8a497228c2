use burn::tensor::{Int, Tensor, activation};

/// Negative log-probability of each target token, in nats.
///
/// # Shapes
///
/// - `logits`: `[tokens, vocab_size]`
/// - `targets`: `[tokens]`
/// - output: `[tokens]`
///
/// # Panics
///
/// When the numbers of tokens differ.
pub fn token_losses(logits: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
    let [tokens, _] = logits.dims();
    assert_eq!(tokens, targets.dims()[0], "one row of logits for each target");
    activation::log_softmax(logits, 1).gather(1, targets.unsqueeze_dim(1)).squeeze_dim::<1>(1).neg()
}
