use burn::tensor::{Int, Tensor, activation};

/// Returns the negative log-likelihood of each target token, in nats.
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
    assert_eq!(tokens, targets.dims()[0], "expected one row of logits per target token");
    activation::log_softmax(logits, 1).gather(1, targets.unsqueeze_dim(1)).squeeze_dim::<1>(1).neg()
}
