use burn::optim::{Optimizer, RecordState, StateSink, StateSource};
use burn::tensor::{Device, Tensor};

use crate::config::optimizer::AdafactorConfig;

/// Adafactor (Shazeer and Stern, 2018) as implemented in T5X (`t5x/adafactor.py`) and
/// `optax.adafactor`.
///
/// In step `t`, counted from 1, a parameter `x` with gradient `g` and learning rate `α` is updated
/// by:
///
/// ```text
/// β = 1 - (t + steps_before)^-decay_rate
/// v = β v + (1 - β) (g² + ε₁)             factored: its means over rows and columns
/// u = g / √v                              factored: v = rows ⊗ columns / mean of rows
/// u = u / max(1, RMS(u) / clipping_threshold)
/// u = α u max(ε₂, RMS(x))                 α u without `multiply_by_parameter_scale`
/// m = β₁ m + (1 - β₁) u                   u without `beta_1`
/// x = (1 - weight_decay α^weight_decay_rate_exponent) x - m
/// ```
///
/// The second moment is factored along the two largest dimensions if both are at least
/// `min_dim_size_to_factor`. For parameters of more than two dimensions, the remaining dimensions
/// are treated separately, as in optax; T5X requires an explicit rule.
///
/// `ε₂` and the exponent are options of T5X that optax lacks. Neither multiplies the weight decay
/// by the learning rate by default. `t` is the parameter's own step count, not the run's: a
/// parameter without a gradient in a step, because the step has no example of its task, is not
/// counted. Burn's optimizer of this name differs: it factors the last two dimensions of every
/// matrix, has neither momentum nor a step offset, and multiplies the weight decay by the learning
/// rate.
#[derive(Clone, Debug)]
pub struct Adafactor {
    config: AdafactorConfig,
}

impl Adafactor {
    /// Creates the optimizer of a parameter, or of a module with
    /// [`ModuleOptimizer::from`](burn::optim::ModuleOptimizer).
    pub fn new(config: AdafactorConfig) -> Self {
        Self { config }
    }

    /// Returns the dimensions that the second moment is factored along, the smaller one first.
    fn factored(&self, shape: &[usize]) -> Option<[usize; 2]> {
        let mut dimensions: Vec<usize> = (0..shape.len()).collect();
        // Of equal dimensions, the later one counts as larger, as in `numpy.argsort`.
        dimensions.sort_by_key(|&dimension| shape[dimension]);
        match dimensions[..] {
            [.., smaller, larger]
                if self.config.factored && shape[smaller] >= self.config.min_dim_size_to_factor =>
            {
                Some([smaller, larger])
            }
            _ => None,
        }
    }

    /// Returns the weights of the old second moment and of the new squared gradient.
    fn weights(&self, time: usize) -> [f32; 2] {
        // In single precision, as in T5X. With a step offset of a million, rounding changes the
        // weight of the new gradient by one in a thousand.
        let time = self.config.steps_before.saturating_add(time) as f32;
        let old = 1.0 - time.powf(-self.config.decay_rate);
        [old, 1.0 - old]
    }
}

/// State of [`Adafactor`] for a parameter.
#[derive(Clone, Debug)]
pub struct AdafactorState<const D: usize> {
    /// Number of the parameter's steps.
    time: usize,
    second_moment: SecondMoment<D>,
    /// Mean of the updates, if momentum is used.
    momentum: Option<Tensor<D>>,
}

#[derive(Clone, Debug)]
struct SecondMoment<const D: usize> {
    /// Shaped as the parameter; if factored, the mean over the larger of the two dimensions, which
    /// has size 1 here.
    rows: Tensor<D>,
    /// If factored, the mean over the smaller dimension.
    columns: Option<Tensor<D>>,
}

impl<const D: usize> SecondMoment<D> {
    /// Creates the second moment of a gradient from its squares.
    fn new(squares: Tensor<D>, factored: Option<[usize; 2]>) -> Self {
        match factored {
            Some([smaller, larger]) => Self {
                rows: squares.clone().mean_dim(larger),
                columns: Some(squares.mean_dim(smaller)),
            },
            None => Self { rows: squares, columns: None },
        }
    }

    fn map(self, change: impl Fn(Tensor<D>) -> Tensor<D>) -> Self {
        Self { rows: change(self.rows), columns: self.columns.map(change) }
    }

    fn add(self, other: Self) -> Self {
        let columns = self.columns.zip(other.columns).map(|(first, second)| first + second);
        Self { rows: self.rows + other.rows, columns }
    }

    /// Divides a gradient by the root of its second moment.
    fn normalize(&self, gradient: Tensor<D>, factored: Option<[usize; 2]>) -> Tensor<D> {
        let rows = self.rows.clone();
        match (self.columns.clone(), factored) {
            (Some(columns), Some([smaller, _])) => {
                // Divided by the mean first, since the product of two small means would underflow.
                let rows = rows.clone().div(rows.mean_dim(smaller));
                gradient.div(rows.sqrt()).div(columns.sqrt())
            }
            _ => gradient.div(rows.sqrt()),
        }
    }
}

impl Optimizer for Adafactor {
    type State<const D: usize> = AdafactorState<D>;

    fn step<const D: usize>(
        &self,
        rate: f64,
        parameter: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<Self::State<D>>,
    ) -> (Tensor<D>, Option<Self::State<D>>) {
        let config = &self.config;
        let factored = self.factored(&parameter.dims());
        let time = state.as_ref().map_or(0, |state| state.time) + 1;
        let [old, new] = self.weights(time);
        let (moment, momentum) = match state {
            Some(state) => (Some(state.second_moment), state.momentum),
            None => (None, None),
        };

        let squares = gradient.clone().square().add_scalar(config.epsilon_1);
        let fresh = SecondMoment::new(squares, factored).map(|moment| moment.mul_scalar(new));
        let second_moment = match moment {
            Some(moment) => moment.map(|moment| moment.mul_scalar(old)).add(fresh),
            None => fresh,
        };
        let mut update = second_moment.normalize(gradient, factored);
        let excess = rms(update.clone()).div_scalar(config.clipping_threshold).clamp_min(1.0);
        update = update.div(excess.unsqueeze()).mul_scalar(rate);
        if config.multiply_by_parameter_scale {
            let scale = rms(parameter.clone()).clamp_min(config.epsilon_2);
            update = update.mul(scale.unsqueeze());
        }
        let momentum = config.beta_1.map(|beta| {
            let fresh = update.clone().mul_scalar(1.0 - beta);
            match momentum {
                Some(momentum) => momentum.mul_scalar(beta) + fresh,
                None => fresh,
            }
        });
        let update = momentum.clone().unwrap_or(update);
        let decay = rate.powf(f64::from(config.weight_decay_rate_exponent));
        let decay = f64::from(config.weight_decay) * decay;
        let parameter = if decay == 0.0 { parameter } else { parameter.mul_scalar(1.0 - decay) };
        (parameter - update, Some(AdafactorState { time, second_moment, momentum }))
    }

    fn to_device<const D: usize>(state: Self::State<D>, device: &Device) -> Self::State<D> {
        let there = |tensor: Tensor<D>| tensor.to_device(device);
        AdafactorState {
            time: state.time,
            second_moment: state.second_moment.map(there),
            momentum: state.momentum.map(there),
        }
    }
}

/// Returns the root mean square.
fn rms<const D: usize>(tensor: Tensor<D>) -> Tensor<1> {
    tensor.square().mean().sqrt()
}

/// Names of the recorded fields of a state.
const TIME: &str = "time";
const ROWS: &str = "second_moment";
const COLUMNS: &str = "second_moment_columns";
const MOMENTUM: &str = "momentum";

impl<const D: usize> RecordState for AdafactorState<D> {
    fn state_flatten(&self, prefix: &str, out: &mut StateSink) {
        let SecondMoment { rows, columns } = &self.second_moment;
        let tensors =
            [(ROWS, Some(rows)), (COLUMNS, columns.as_ref()), (MOMENTUM, self.momentum.as_ref())];
        for (name, tensor) in tensors {
            if let Some(tensor) = tensor {
                out.push_tensor(prefix, name, tensor.clone().into_data());
            }
        }
        out.push_scalar(prefix, TIME, self.time.into());
    }

    fn state_unflatten(prefix: &str, src: &mut StateSource, device: &Device) -> Option<Self> {
        let mut tensor =
            |name: &str| src.take_tensor(prefix, name).map(|data| Tensor::from_data(data, device));
        let second_moment = SecondMoment { rows: tensor(ROWS)?, columns: tensor(COLUMNS) };
        let momentum = tensor(MOMENTUM);
        let time = usize::try_from(src.take_scalar(prefix, TIME)?).ok()?;
        Some(Self { time, second_moment, momentum })
    }
}
