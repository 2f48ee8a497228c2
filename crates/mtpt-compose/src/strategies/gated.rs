use std::num::Saturating;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::init::PartInit;
use crate::mixture_weights::MixtureWeights;
use crate::range::check_count;
use crate::strategy::{Size, Strategy, zero_parameter};
use crate::uniform::uniform;

/// A mean of the shared and a task-specific prompt, weighted by a small network:
/// `g_0 P + g_1 T_k` with `g = softmax(MLP_k([P ; T_k]))`.
///
/// Source: the gated composition of the feature request `google-research/prompt-tuning#306`. The
/// network has one hidden layer with ReLU. Its last layer is initialized to zero and `T_k` from a
/// copy of the shared prompt, so training starts at equal gates and at the shared prompt.
///
/// Shared: `L d`. Each task: `L d + h (i + 3) + 2`, where `i` is the number of inputs of the gate:
/// `2 d` pooled, `2 L d` flattened.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `hidden` | 16 | `h`, units of the gate's hidden layer | 1 to 65,536 |
/// | `input` | `pooled` | input of the gate | `pooled`, `flattened` |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatedConfig {
    /// Units of the gate's hidden layer.
    pub hidden: usize,
    /// Input of the gate.
    pub input: GateInput,
}

/// Input of a gate, computed from the two prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GateInput {
    /// Mean vector of each prompt: `2 d` values.
    Pooled,
    /// All values of both prompts, as in the prototype of `google-research/prompt-tuning#306`:
    /// `2 L d` values.
    Flattened,
}

/// The part of one task or group.
#[derive(Module, Debug)]
pub(crate) struct GatedPart {
    /// `T_k`, `[prompt_length, d_model]`.
    prompt: Param<Tensor<2>>,
    /// `[input, hidden]`.
    hidden_weight: Param<Tensor<2>>,
    /// `[hidden]`.
    hidden_bias: Param<Tensor<1>>,
    /// `[hidden, 2]`.
    gate_weight: Param<Tensor<2>>,
    /// `[2]`.
    gate_bias: Param<Tensor<1>>,
}

const MAX_HIDDEN: usize = 65_536;

impl Default for GatedConfig {
    fn default() -> Self {
        Self { hidden: 16, input: GateInput::Pooled }
    }
}

impl GatedConfig {
    fn input_size(&self, prompt_length: Size, d_model: Size) -> Size {
        let doubled = Saturating(2) * d_model;
        match self.input {
            GateInput::Pooled => doubled,
            GateInput::Flattened => doubled * prompt_length,
        }
    }
}

impl Strategy for GatedConfig {
    type Part = GatedPart;

    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        check_count("hidden", self.hidden, MAX_HIDDEN)
    }

    fn part_size(&self, prompt_length: Size, d_model: Size) -> Size {
        let inputs = self.input_size(prompt_length, d_model);
        let gate = Saturating(self.hidden) * (inputs + Saturating(3)) + Saturating(2);
        prompt_length * d_model + gate
    }

    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part> {
        let [length, d_model] = init.dims();
        let input = self.input_size(Saturating(length), Saturating(d_model)).0;
        // Uniform bound for a layer followed by ReLU (He et al., 2015, section 2.2).
        let bound = (6.0 / input as f32).sqrt();
        let weights = uniform(&mut *init.rng, [input, self.hidden], bound);
        let device = init.device();
        Ok(GatedPart {
            prompt: init.copy_target(),
            hidden_weight: Param::from_tensor(Tensor::from_data(weights, device)),
            hidden_bias: zero_parameter([self.hidden], device),
            gate_weight: zero_parameter([self.hidden, 2], device),
            gate_bias: zero_parameter([2], device),
        })
    }

    fn zeros(&self, dims: [usize; 2], device: &Device) -> Self::Part {
        let input = self.input_size(Saturating(dims[0]), Saturating(dims[1])).0;
        GatedPart {
            prompt: zero_parameter(dims, device),
            hidden_weight: zero_parameter([input, self.hidden], device),
            hidden_bias: zero_parameter([self.hidden], device),
            gate_weight: zero_parameter([self.hidden, 2], device),
            gate_bias: zero_parameter([2], device),
        }
    }
}

impl GatedPart {
    /// `g_0 P + g_1 T_k`
    pub(crate) fn forward(&self, parent: Tensor<2>) -> Tensor<2> {
        let prompt = self.prompt.val();
        let gate = self.gate(parent.clone(), prompt.clone());
        let weight = |side: usize| gate.clone().slice([0..1, side..side + 1]);
        parent * weight(0) + prompt * weight(1)
    }

    /// Returns the weights of the parent prompt and of `T_k`.
    pub(crate) fn mixture_weights(&self, parent: Tensor<2>) -> MixtureWeights {
        MixtureWeights::parent_and_part(self.gate(parent, self.prompt.val()))
    }

    /// `g`, `[1, 2]`.
    fn gate(&self, parent: Tensor<2>, prompt: Tensor<2>) -> Tensor<2> {
        let [length, d_model] = parent.dims();
        let [input, _] = self.hidden_weight.dims();
        let input = if input == 2 * d_model {
            Tensor::cat(vec![parent.mean_dim(0), prompt.mean_dim(0)], 1)
        } else {
            Tensor::cat(vec![parent, prompt], 0).reshape([1, 2 * length * d_model])
        };
        let hidden = input.matmul(self.hidden_weight.val()) + self.hidden_bias.val().unsqueeze();
        let scores = activation::relu(hidden).matmul(self.gate_weight.val())
            + self.gate_bias.val().unsqueeze();
        activation::softmax(scores, 1)
    }
}
