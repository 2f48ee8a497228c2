use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor};
use mtpt_tasks::Batch;

use crate::error::Result;

/// The loss to minimize, as one value per target token.
///
/// Losses are not averaged here, so that batches of different sizes can be accumulated with equal
/// weight for each token, and a loss can be assigned to its task and example.
pub trait Objective<M: Module> {
    /// Returns the losses of all target tokens, row by row, without padding.
    ///
    /// # Errors
    ///
    /// When an input of the loss other than the batch is not available.
    fn token_losses(&self, module: &M, batch: &Batch) -> Result<TokenLosses>;

    /// Returns the same losses and their contribution to the gradient of the mean over `tokens`
    /// target tokens, or no gradient if the losses depend on no trainable parameter.
    ///
    /// The default implementation uses autodiff for the whole computation. An implementation may
    /// replace it with a faster one that returns the same values.
    ///
    /// # Errors
    ///
    /// As [`token_losses`](Self::token_losses).
    ///
    /// # Panics
    ///
    /// When the module is not on a device with autodiff.
    fn differentiate(
        &self,
        module: &M,
        batch: &Batch,
        tokens: usize,
    ) -> Result<(TokenLosses, Option<GradientsParams>)> {
        let losses = self.token_losses(module, batch)?;
        let loss = losses.total().sum().div_scalar(tokens as f64);
        assert!(loss.is_autodiff(), "expected a module on a device with autodiff");
        let gradients =
            loss.is_tracked().then(|| GradientsParams::from_grads(loss.backward(), module));
        Ok((losses, gradients))
    }

    /// Returns the identity of all inputs of the loss other than the batch.
    ///
    /// A run doesn't resume from the checkpoints of a run whose objective has another identity. The
    /// default is null: there are no such inputs.
    fn identity(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

impl<M: Module, O: Objective<M>> Objective<M> for &O {
    fn token_losses(&self, module: &M, batch: &Batch) -> Result<TokenLosses> {
        (**self).token_losses(module, batch)
    }

    fn differentiate(
        &self,
        module: &M,
        batch: &Batch,
        tokens: usize,
    ) -> Result<(TokenLosses, Option<GradientsParams>)> {
        (**self).differentiate(module, batch, tokens)
    }

    fn identity(&self) -> serde_json::Value {
        (**self).identity()
    }
}

/// Losses of the target tokens of a batch, row by row, without padding.
#[derive(Clone, Debug)]
pub struct TokenLosses {
    /// Negative log-likelihood of each token, in nats, `[target_tokens]`.
    pub nll: Tensor<1>,
    /// Terms added to it, by name for reports, each `[target_tokens]` and already weighted.
    pub auxiliary: Vec<(&'static str, Tensor<1>)>,
}

impl TokenLosses {
    /// Returns the sum of all terms for each token, `[target_tokens]`.
    pub fn total(&self) -> Tensor<1> {
        let terms = self.auxiliary.iter().map(|(_, term)| term.clone());
        terms.fold(self.nll.clone(), Tensor::add)
    }

    /// Returns the same values without autodiff.
    pub(crate) fn without_autodiff(self) -> Self {
        let auxiliary = self.auxiliary.into_iter();
        let auxiliary = auxiliary.map(|(name, term)| (name, term.without_autodiff())).collect();
        Self { nll: self.nll.without_autodiff(), auxiliary }
    }

    /// Concatenates the losses of parts of a batch and reorders them: token `i` of the result is
    /// token `order[i]` of the concatenation.
    pub(crate) fn cat(parts: Vec<Self>, order: &[i64]) -> Self {
        let reordered = |losses: Vec<Tensor<1>>| {
            let order = Tensor::<1, Int>::from_ints(order, &losses[0].device());
            Tensor::cat(losses, 0).select(0, order)
        };
        let names: Vec<&'static str> = parts[0].auxiliary.iter().map(|(name, _)| *name).collect();
        let auxiliary = names.into_iter().enumerate().map(|(index, name)| {
            let terms = parts.iter().map(|part| part.auxiliary[index].1.clone());
            (name, reordered(terms.collect()))
        });
        let auxiliary = auxiliary.collect();
        Self { nll: reordered(parts.into_iter().map(|part| part.nll).collect()), auxiliary }
    }
}

impl From<Tensor<1>> for TokenLosses {
    fn from(nll: Tensor<1>) -> Self {
        Self { nll, auxiliary: Vec::new() }
    }
}
