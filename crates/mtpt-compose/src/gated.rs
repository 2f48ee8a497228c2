use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData, activation};
use mtpt_core::{Compose, TaskIndex};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{ParameterCount, Result, Start, range::check_count};

/// Configuration of [`Gated`].
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `hidden` | 16 | units of the gate's hidden layer | 1 to 65,536 |
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

/// A mean of the shared prompt and a task's own, weighed by a small network that reads both:
/// `g_0 P + g_1 T_k` with `g = softmax(MLP_k([P ; T_k]))`.
///
/// The gated composition of the feature request `google-research/prompt-tuning#306`. The network has one hidden layer with
/// ReLU; its last layer starts at zero and a task's part as a copy of the shared prompt, so that training starts at even
/// gates and at the shared prompt.
#[derive(Module, Debug)]
pub struct Gated {
    shared: Param<Tensor<2>>,
    tasks: Vec<GatedTask>,
}

/// What one task owns.
#[derive(Module, Debug)]
struct GatedTask {
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
    /// Checks the ranges.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`](crate::Error::OutOfRange), when the gate has no hidden unit or too many.
    pub fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        check_count("hidden", self.hidden, MOST_HIDDEN)
    }

    fn input_size(&self, prompt_length: usize, d_model: usize) -> usize {
        match self.input {
            GateInput::Pooled => 2 * d_model,
            GateInput::Flattened => 2 * prompt_length * d_model,
        }
    }

    /// Shared: `L d`. Each task: `L d + h (i + 3) + 2`, where the gate reads `i` numbers: `2 d` pooled, `2 L d` flattened.
    pub fn parameter_count(&self, prompt_length: usize, d_model: usize) -> ParameterCount {
        let numbers = prompt_length * d_model;
        let gate = self.hidden * (self.input_size(prompt_length, d_model) + 3) + 2;
        ParameterCount { shared: numbers, task: numbers + gate }
    }

    /// Makes the composition.
    ///
    /// # Errors
    ///
    /// When the configuration is out of range or there is no task.
    pub fn init(&self, start: &Start<'_>) -> Result<Gated> {
        self.check(start.length(), start.d_model())?;
        let input = self.input_size(start.length(), start.d_model());
        // He's uniform bound for a layer that feeds a ReLU (He et al., 2015, section 2.2).
        let bound = (6.0 / input as f32).sqrt();
        let mut rng = ChaCha8Rng::seed_from_u64(start.seed);
        let device = &start.device;
        let tasks = start.each_task(|_| {
            let weights: Vec<f32> =
                (0..input * self.hidden).map(|_| rng.random_range(-bound..bound)).collect();
            let weights = TensorData::new(weights, [input, self.hidden]);
            Ok(GatedTask {
                prompt: Param::from_tensor(start.shared_part()),
                hidden_weight: Param::from_tensor(Tensor::from_data(weights, device)),
                hidden_bias: Param::from_tensor(Tensor::zeros([self.hidden], device)),
                gate_weight: Param::from_tensor(Tensor::zeros([self.hidden, 2], device)),
                gate_bias: Param::from_tensor(Tensor::zeros([2], device)),
            })
        })?;
        Ok(Gated { shared: Param::from_tensor(start.shared_part()), tasks })
    }
}

impl GatedTask {
    /// The shares of the shared prompt and of the task's own, `[1, 2]`.
    fn gate(&self, shared: Tensor<2>, own: Tensor<2>) -> Tensor<2> {
        let [length, d_model] = shared.dims();
        let [input, _] = self.hidden_weight.dims();
        let input = if input == 2 * d_model {
            Tensor::cat(vec![shared.mean_dim(0), own.mean_dim(0)], 1)
        } else {
            Tensor::cat(vec![shared, own], 0).reshape([1, 2 * length * d_model])
        };
        let hidden = input.matmul(self.hidden_weight.val()) + self.hidden_bias.val().unsqueeze();
        let scores = activation::relu(hidden).matmul(self.gate_weight.val())
            + self.gate_bias.val().unsqueeze();
        activation::softmax(scores, 1)
    }
}

impl Compose for Gated {
    fn prompt_length(&self) -> usize {
        self.shared.dims()[0]
    }

    fn d_model(&self) -> usize {
        self.shared.dims()[1]
    }

    fn task_count(&self) -> usize {
        self.tasks.len()
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        let task = &self.tasks[task.position()];
        let (shared, own) = (self.shared.val(), task.prompt.val());
        let gate = task.gate(shared.clone(), own.clone());
        let share = |side: usize| gate.clone().slice([0..1, side..side + 1]);
        shared * share(0) + own * share(1)
    }
}
