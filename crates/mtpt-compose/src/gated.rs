use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::fold::{Fold, Own, Place};
use crate::range::check_count;
use crate::uniform::uniform;
use crate::{MixtureWeights, Result};

/// A mean of the shared prompt and a task's own, weighed by a small network that reads both:
/// `g_0 P + g_1 T_k` with `g = softmax(MLP_k([P ; T_k]))`.
///
/// The gated composition of the feature request `google-research/prompt-tuning#306`. The network has one hidden layer with
/// ReLU; its last layer starts at zero and a task's part as a copy of the shared prompt, so that training starts at even
/// gates and at the shared prompt.
///
/// Shared: `L d`. Each task: `L d + h (i + 3) + 2`, where the gate reads `i` numbers: `2 d` pooled, `2 L d` flattened.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `hidden` | 16 | `h`, units of the gate's hidden layer | 1 to 65,536 |
/// | `input` | `pooled` | what the gate reads | `pooled`, `flattened` |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatedConfig {
    /// Units of the gate's hidden layer.
    pub hidden: usize,
    /// What the gate reads.
    pub input: GateInput,
}

/// What a gate reads of the two prompts that it weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GateInput {
    /// The mean vector of each: `2 d` numbers.
    Pooled,
    /// Every number of both, as the prototype of `google-research/prompt-tuning#306` has it: `2 L d` numbers.
    Flattened,
}

/// What one task owns.
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

const MOST_HIDDEN: usize = 65_536;

impl Default for GatedConfig {
    fn default() -> Self {
        Self { hidden: 16, input: GateInput::Pooled }
    }
}

impl GatedConfig {
    fn input_size(&self, prompt_length: usize, d_model: usize) -> usize {
        match self.input {
            GateInput::Pooled => 2 * d_model,
            GateInput::Flattened => 2 * prompt_length * d_model,
        }
    }
}

impl Fold for GatedConfig {
    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        check_count("hidden", self.hidden, MOST_HIDDEN)
    }

    fn own_numbers(&self, prompt_length: usize, d_model: usize) -> usize {
        let gate = self.hidden * (self.input_size(prompt_length, d_model) + 3) + 2;
        prompt_length * d_model + gate
    }

    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own> {
        let [length, d_model] = place.dims();
        let input = self.input_size(length, d_model);
        // He's uniform bound for a layer that feeds a ReLU (He et al., 2015, section 2.2).
        let bound = (6.0 / input as f32).sqrt();
        let weights = uniform(&mut *place.rng, [input, self.hidden], bound);
        let device = place.device();
        Ok(Own::Gated(GatedPart {
            prompt: place.copy(),
            hidden_weight: Param::from_tensor(Tensor::from_data(weights, device)),
            hidden_bias: Param::from_tensor(Tensor::zeros([self.hidden], device)),
            gate_weight: Param::from_tensor(Tensor::zeros([self.hidden, 2], device)),
            gate_bias: Param::from_tensor(Tensor::zeros([2], device)),
        }))
    }
}

impl GatedPart {
    /// `g_0 P + g_1 T_k`
    pub(crate) fn fold(&self, above: Tensor<2>) -> Tensor<2> {
        let own = self.prompt.val();
        let gate = self.gate(above.clone(), own.clone());
        let share = |side: usize| gate.clone().slice([0..1, side..side + 1]);
        above * share(0) + own * share(1)
    }

    /// By what the prompt is mixed.
    pub(crate) fn weights(&self, above: Tensor<2>) -> MixtureWeights {
        MixtureWeights::of_two(self.gate(above, self.prompt.val()))
    }

    /// The shares of the shared prompt and of the task's own, `[1, 2]`.
    fn gate(&self, above: Tensor<2>, own: Tensor<2>) -> Tensor<2> {
        let [length, d_model] = above.dims();
        let [input, _] = self.hidden_weight.dims();
        let input = if input == 2 * d_model {
            Tensor::cat(vec![above.mean_dim(0), own.mean_dim(0)], 1)
        } else {
            Tensor::cat(vec![above, own], 0).reshape([1, 2 * length * d_model])
        };
        let hidden = input.matmul(self.hidden_weight.val()) + self.hidden_bias.val().unsqueeze();
        let scores = activation::relu(hidden).matmul(self.gate_weight.val())
            + self.gate_bias.val().unsqueeze();
        activation::softmax(scores, 1)
    }
}
