use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig};
use burn::tensor::{Bool, Device, Tensor};

use crate::config::{Activation, T5Config};
use crate::model::activation::activate;
use crate::model::saving::Saving;
use crate::projection::Projection;

/// A feed-forward layer: `f(x W_in) W_out`, or gated `(f(x W_gate) ∘ x W_in) W_out` (Shazeer, 2020,
/// "GLU variants improve transformer").
#[derive(Module, Debug)]
pub(crate) struct FeedForward {
    pub(crate) gate: Option<Projection>,
    pub(crate) input: Projection,
    pub(crate) output: Projection,
    dropout: Dropout,
    #[module(skip)]
    pub(crate) activation: Activation,
}

/// Saved activations of a feed-forward layer, `[tokens, d_ff]` each.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each block, and its tensors take megabytes"
)]
pub(crate) enum SavedActivation {
    /// Ungated relu: where the output is positive.
    ReluMask(Tensor<2, Bool>),
    /// The argument of the activation function, and the factor of a gated layer.
    PreActivation { argument: Tensor<2>, factor: Option<Tensor<2>> },
}

impl FeedForward {
    /// Returns an initialized layer.
    pub(crate) fn init(config: &T5Config, device: &Device) -> Self {
        let linear = |d_input: usize, d_output: usize| {
            let std = config.initializer_factor * (d_input as f64).powf(-0.5);
            Projection::init(d_input, d_output, std, device)
        };
        Self {
            gate: config.gated.then(|| linear(config.d_model, config.d_ff)),
            input: linear(config.d_model, config.d_ff),
            output: linear(config.d_ff, config.d_model),
            dropout: DropoutConfig::new(config.dropout_rate).init(),
            activation: config.activation,
        }
    }

    /// Returns the linear layers.
    pub(crate) fn projections_mut(&mut self) -> impl Iterator<Item = &mut Projection> {
        self.gate.iter_mut().chain([&mut self.input, &mut self.output])
    }

    /// Applies the layer to each position independently.
    ///
    /// # Shapes
    ///
    /// - `hidden`, output: `[tokens, d_model]`
    pub(crate) fn forward(
        &self,
        hidden: Tensor<2>,
        saving: Saving,
    ) -> (Tensor<2>, Option<SavedActivation>) {
        let (inner, saved) = match &self.gate {
            None if self.activation == Activation::Relu => {
                let inner = activate(self.input.forward(hidden), self.activation);
                let saved =
                    saving.save(|| SavedActivation::ReluMask(inner.clone().greater_elem(0.0)));
                (inner, saved)
            }
            None => {
                let argument = self.input.forward(hidden);
                let saved = saving.save(|| SavedActivation::PreActivation {
                    argument: argument.clone(),
                    factor: None,
                });
                (activate(argument, self.activation), saved)
            }
            Some(gate) => {
                let argument = gate.forward(hidden.clone());
                let saved_argument = saving.save(|| argument.clone());
                let activated = activate(argument, self.activation);
                let factor = self.input.forward(hidden);
                let saved = saved_argument.map(|argument| SavedActivation::PreActivation {
                    argument,
                    factor: Some(factor.clone()),
                });
                (activated * factor, saved)
            }
        };
        (self.output.forward(self.dropout.forward(inner)), saved)
    }
}
