//! Linear models of sparse features with an L2 penalty, fitted by L-BFGS.

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use crate::baseline::features::SparseRow;

/// Number of updates that L-BFGS stores, each of twice the size of the parameters.
pub(super) const HISTORY: usize = 7;
/// Iterations after which fitting ends. Tasks with hundreds of texts need about 30.
const MAX_ITERATIONS: u64 = 200;
/// Norm of the gradient of the mean loss at which fitting ends.
const TOLERANCE: f64 = 1e-6;

/// Conversion of the outputs of the linear map to predictions, with its loss.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    /// Probabilities of exclusive classes: multinomial cross entropy.
    Softmax,
    /// An independent probability per output: binary cross entropy.
    Sigmoid,
    /// A value per output: half the squared error.
    Identity,
}

impl Link {
    /// Replaces outputs by predictions, and returns the loss for the targets.
    fn apply(self, outputs: &mut [f64], targets: &[f64]) -> f64 {
        let pairs = outputs.iter().zip(targets);
        match self {
            Self::Softmax => {
                let highest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = outputs.iter().map(|output| (output - highest).exp()).sum();
                let log_sum = highest + sum.ln();
                let loss = pairs.map(|(output, target)| target * (log_sum - output)).sum();
                outputs.iter_mut().for_each(|output| *output = (*output - log_sum).exp());
                loss
            }
            Self::Sigmoid => {
                // The logarithm of 1 + exp(x), without overflow.
                let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
                let loss = pairs.map(|(&output, target)| softplus(output) - target * output).sum();
                outputs.iter_mut().for_each(|output| *output = 1.0 / (1.0 + (-*output).exp()));
                loss
            }
            Self::Identity => pairs.map(|(output, target)| (output - target).powi(2) / 2.0).sum(),
        }
    }
}

/// A fitted model.
#[derive(Debug)]
pub(super) struct LinearModel {
    /// Weights of shape [features + 1, outputs]; the last row is the intercept.
    weights: Vec<f64>,
    outputs: usize,
    link: Link,
}

/// Rows to fit, and the penalty.
struct Problem<'a> {
    rows: &'a [SparseRow],
    /// Targets of each row.
    targets: &'a [Vec<f64>],
    outputs: usize,
    link: Link,
    /// Factor of half the squared weights, without the intercept, in the sum of all losses.
    penalty: f64,
}

impl LinearModel {
    /// Fits a model to rows with one target per output, or returns none if that fails.
    ///
    /// `features` is the number of features, and `penalty` scikit-learn's `alpha`, or its `1 / C`.
    pub(super) fn fit(
        rows: &[SparseRow],
        features: usize,
        targets: &[Vec<f64>],
        link: Link,
        penalty: f64,
    ) -> Option<Self> {
        let outputs = targets.first()?.len();
        let problem = Problem { rows, targets, outputs, link, penalty };
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), HISTORY);
        let solver = solver.with_tolerance_grad(TOLERANCE).ok()?;
        let start = vec![0.0; (features + 1) * outputs];
        let fitted = Executor::new(problem, solver)
            .configure(|state| state.param(start).max_iters(MAX_ITERATIONS))
            .run()
            .ok()?;
        let weights = fitted.state.get_best_param()?.clone();
        Some(Self { weights, outputs, link })
    }

    /// Returns the prediction of each output for a row.
    pub(super) fn predict(&self, row: &SparseRow) -> Vec<f64> {
        let mut outputs = linear(&self.weights, row, self.outputs);
        self.link.apply(&mut outputs, &[]);
        outputs
    }
}

/// Returns the outputs of the linear map for a row.
fn linear(weights: &[f64], row: &SparseRow, outputs: usize) -> Vec<f64> {
    let mut sums = weights[weights.len() - outputs..].to_vec();
    for &(feature, value) in row {
        let weights = &weights[feature * outputs..][..outputs];
        sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight * value);
    }
    sums
}

impl Problem<'_> {
    /// Returns the weights without the intercept.
    fn penalized<'w>(&self, weights: &'w [f64]) -> &'w [f64] {
        &weights[..weights.len() - self.outputs]
    }

    /// Divides a sum over rows by their number, so that the tolerance doesn't depend on it.
    fn mean(&self, sum: f64) -> f64 {
        sum / self.rows.len() as f64
    }
}

impl CostFunction for Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, weights: &Vec<f64>) -> Result<f64, Error> {
        let mut sum = 0.0;
        for (row, targets) in self.rows.iter().zip(self.targets) {
            sum += self.link.apply(&mut linear(weights, row, self.outputs), targets);
        }
        let squares: f64 = self.penalized(weights).iter().map(|weight| weight * weight).sum();
        Ok(self.mean(sum + self.penalty * squares / 2.0))
    }
}

impl Gradient for Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, weights: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let intercept = weights.len() - self.outputs;
        let mut gradient: Vec<f64> =
            self.penalized(weights).iter().map(|weight| self.penalty * weight).collect();
        gradient.resize(weights.len(), 0.0);
        for (row, targets) in self.rows.iter().zip(self.targets) {
            // For each of these links, the gradient of the outputs is the residual.
            let mut residuals = linear(weights, row, self.outputs);
            self.link.apply(&mut residuals, targets);
            residuals.iter_mut().zip(targets).for_each(|(value, target)| *value -= target);
            let features = row.iter().map(|&(feature, value)| (feature * self.outputs, value));
            for (start, value) in features.chain([(intercept, 1.0)]) {
                let cells = gradient[start..][..self.outputs].iter_mut();
                cells.zip(&residuals).for_each(|(cell, residual)| *cell += residual * value);
            }
        }
        gradient.iter_mut().for_each(|cell| *cell = self.mean(*cell));
        Ok(gradient)
    }
}
