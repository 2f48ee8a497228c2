use std::num::Saturating;
use std::ops::Range;

use burn::module::{Module, Param, ParamId, list_param_ids};
use burn::tensor::{Bool, Device, Tensor, activation};
use mtpt_core::{Compose, TaskIndex, gather_task_rows};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::init::InitContext;
use crate::parameter_count::ParameterCount;
use crate::part_id::PartId;
use crate::range::check_count;
use crate::strategies::attention::MAX_COMPONENTS;
use crate::strategy::{Size, zero_parameter};
use crate::tree::Tree;
use crate::uniform::uniform;

/// Adds a mixture of components, weighted by the input's embeddings, to a task-specific prompt:
/// `T_k + sum_j a_j C_j`.
///
/// Source: ATTEMPT (Asai et al., 2022, section 3.2). The input is max-pooled over its tokens and
/// passed through a down-projection, SiLU, an up-projection and a layer norm. `a` is the softmax of
/// its dot products with the max-pooled components, divided by a temperature. As in the paper,
/// `T_k` is one of the components too, unless `attend_target` is false.
///
/// This is the only strategy whose prompts depend on the input, so they can't be converted to plain
/// prompts.
///
/// Shared: `M L d + 2 d b + 2 d`. Each task: `L d`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `components` | 6 | `M`, number of prompts in the pool | 1 to 1,024 |
/// | `bottleneck` | 100 | `b`, output width of the down-projection | 1 to 65,536 |
/// | `temperature` | `e` times `d_model` | divisor of the dot products | 1e-6 to 1e9 |
/// | `attend_target` | `true` | whether `T_k` is one of the components | |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstanceAttentionConfig {
    /// Number of prompts in the pool.
    pub components: usize,
    /// Output width of the down-projection.
    pub bottleneck: usize,
    /// Divisor of the dot products.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Whether the task-specific prompt is one of the components.
    pub attend_target: bool,
}

/// Components, projections and task-specific prompts, built by an [`InstanceAttentionConfig`].
#[derive(Module, Debug)]
pub struct InstanceAttention {
    /// `C`, `[components, prompt_length, d_model]`.
    components: Param<Tensor<3>>,
    /// `[d_model, bottleneck]`.
    down: Param<Tensor<2>>,
    /// `[bottleneck, d_model]`.
    up: Param<Tensor<2>>,
    /// Scale of the layer norm, `[d_model]`.
    gamma: Param<Tensor<1>>,
    /// Shift of the layer norm, `[d_model]`.
    beta: Param<Tensor<1>>,
    /// `T_k`, `[prompt_length, d_model]` each.
    tasks: Vec<Param<Tensor<2>>>,
    #[module(skip)]
    temperature: f64,
    #[module(skip)]
    attend_target: bool,
    /// Vectors of a prompt that are prepended to the decoder's input.
    #[module(skip)]
    pub(crate) decoder_vectors: Range<usize>,
}

const MAX_WIDTH: usize = 65_536;
/// Beyond these limits, a softmax in single precision selects one component or weights all equally,
/// independent of the input.
const MIN_TEMPERATURE: f64 = 1e-6;
const MAX_TEMPERATURE: f64 = 1e9;
/// Epsilon of the layer norm, as in PyTorch.
const EPSILON: f64 = 1e-5;

impl Default for InstanceAttentionConfig {
    fn default() -> Self {
        Self { components: 6, bottleneck: 100, temperature: None, attend_target: true }
    }
}

impl InstanceAttentionConfig {
    /// Checks the options.
    pub(crate) fn check(&self) -> Result<()> {
        check_count("components", self.components, MAX_COMPONENTS)?;
        check_count("bottleneck", self.bottleneck, MAX_WIDTH)?;
        match self.temperature {
            Some(found) if !(MIN_TEMPERATURE..=MAX_TEMPERATURE).contains(&found) => {
                Err(Error::OutOfRange {
                    name: "temperature",
                    lowest: MIN_TEMPERATURE,
                    highest: MAX_TEMPERATURE,
                    found,
                })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn parameter_count(
        &self,
        prompt_length: Size,
        d_model: Size,
        tree: &Tree,
    ) -> ParameterCount {
        let [components, bottleneck, tasks] =
            [self.components, self.bottleneck, tree.task_count()].map(Saturating);
        let prompt = prompt_length * d_model;
        let attention = Saturating(2) * d_model * bottleneck + Saturating(2) * d_model;
        ParameterCount {
            shared: (components * prompt + attention).0,
            task_specific: (tasks * prompt).0,
            task_count: tree.task_count(),
        }
    }

    pub(crate) fn init(&self, context: &InitContext<'_>) -> Result<InstanceAttention> {
        self.check()?;
        let (length, d_model, device) = (context.length(), context.d_model(), &context.device);
        let components = (0..self.components)
            .map(|component| context.initial_values(PartId::Component(component), length))
            .collect::<Result<Vec<_>>>()?;
        let mut rng = ChaCha8Rng::seed_from_u64(context.seed);
        // Glorot and Bengio (2010), equation 16.
        let bound = (6.0 / (d_model + self.bottleneck) as f32).sqrt();
        let mut projection = |shape: [usize; 2]| {
            Param::from_tensor(Tensor::from_data(uniform(&mut rng, shape, bound), device))
        };
        let (down, up) =
            (projection([d_model, self.bottleneck]), projection([self.bottleneck, d_model]));
        let tasks = context
            .tree
            .tasks()
            .map(|task| context.initial_values(PartId::Task(task), length).map(Param::from_tensor))
            .collect::<Result<_>>()?;
        Ok(InstanceAttention {
            components: Param::from_tensor(Tensor::stack(components, 0)),
            down,
            up,
            gamma: Param::from_tensor(Tensor::ones([d_model], device)),
            beta: Param::from_tensor(Tensor::zeros([d_model], device)),
            tasks,
            temperature: self.temperature(d_model),
            attend_target: self.attend_target,
            decoder_vectors: 0..0,
        })
    }

    /// Returns the attention with all parameters zero.
    pub(crate) fn zeros(
        &self,
        [length, d_model]: [usize; 2],
        tree: &Tree,
        device: &Device,
    ) -> Result<InstanceAttention> {
        self.check()?;
        Ok(InstanceAttention {
            components: zero_parameter([self.components, length, d_model], device),
            down: zero_parameter([d_model, self.bottleneck], device),
            up: zero_parameter([self.bottleneck, d_model], device),
            gamma: zero_parameter([d_model], device),
            beta: zero_parameter([d_model], device),
            tasks: tree.tasks().map(|_| zero_parameter([length, d_model], device)).collect(),
            temperature: self.temperature(d_model),
            attend_target: self.attend_target,
            decoder_vectors: 0..0,
        })
    }

    fn temperature(&self, d_model: usize) -> f64 {
        self.temperature.unwrap_or(std::f64::consts::E * d_model as f64)
    }
}

impl InstanceAttention {
    /// Freezes the shared parameters (level 0) or the prompts of the tasks (level 1).
    pub(crate) fn frozen(self, level: usize) -> Self {
        if level == 1 {
            return Self { tasks: self.tasks.no_grad(), ..self };
        }
        Self {
            components: self.components.no_grad(),
            down: self.down.no_grad(),
            up: self.up.no_grad(),
            gamma: self.gamma.no_grad(),
            beta: self.beta.no_grad(),
            ..self
        }
    }

    /// Projects max-pooled inputs to queries, `[rows, d_model]`.
    fn queries(&self, pooled: Tensor<2>) -> Tensor<2> {
        let up = activation::silu(pooled.matmul(self.down.val())).matmul(self.up.val());
        let centered = up.clone() - up.mean_dim(1);
        let variance = centered.clone().powi_scalar(2).mean_dim(1);
        centered / (variance + EPSILON).sqrt() * self.gamma.val().unsqueeze()
            + self.beta.val().unsqueeze()
    }

    /// Returns the attention weights of the components that [`compose_for`](Compose::compose_for)
    /// uses for each row.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[rows, length, d_model]`
    /// - `mask`: `[rows, length]`
    /// - output: `[rows, components]`, with an additional last column for the task-specific prompt
    ///   if it is attended to; each row sums to 1
    ///
    /// # Panics
    ///
    /// As [`compose_for`](Compose::compose_for).
    pub fn component_weights(
        &self,
        rows: &[TaskIndex],
        embeddings: &Tensor<3>,
        mask: &Tensor<2, Bool>,
    ) -> Tensor<2> {
        let prompts = gather_task_rows(rows, |task| self.tasks[task.position()].val());
        self.attention_weights(&prompts, self.pooled(embeddings, mask))
    }

    /// Computes the prompts of max-pooled inputs.
    ///
    /// # Shapes
    ///
    /// - `pooled`: `[rows, d_model]`
    /// - output: `[rows, prompt_length, d_model]`
    fn mix(&self, tasks: &[TaskIndex], pooled: Tensor<2>) -> Tensor<3> {
        let components = self.components.val();
        let [count, length, d_model] = components.dims();
        let task_prompts = gather_task_rows(tasks, |task| self.tasks[task.position()].val());
        let rows = tasks.len();
        let weights = self.attention_weights(&task_prompts, pooled);
        let mixed = weights
            .clone()
            .narrow(1, 0, count)
            .matmul(components.reshape([count, length * d_model]))
            .reshape([rows, length, d_model]);
        let prompts = task_prompts.clone() + mixed;
        if !self.attend_target {
            return prompts;
        }
        prompts + task_prompts * weights.narrow(1, count, 1).unsqueeze_dim(2)
    }

    /// Returns the weights of the components, and in the last column of the task-specific prompt if
    /// it is attended to.
    ///
    /// # Shapes
    ///
    /// - `task_prompts`: task-specific prompts, `[rows, prompt_length, d_model]`
    /// - `pooled`: `[rows, d_model]`
    fn attention_weights(&self, task_prompts: &Tensor<3>, pooled: Tensor<2>) -> Tensor<2> {
        let queries = self.queries(pooled);
        let pooled_components: Tensor<2> = self.components.val().max_dim(1).squeeze_dim(1);
        let mut scores = queries.clone().matmul(pooled_components.transpose());
        if self.attend_target {
            let pooled_task_prompts: Tensor<2> = task_prompts.clone().max_dim(1).squeeze_dim(1);
            scores = Tensor::cat(vec![scores, (pooled_task_prompts * queries).sum_dim(1)], 1);
        }
        activation::softmax(scores.div_scalar(self.temperature), 1)
    }

    /// Max-pools inputs over their tokens, `[rows, d_model]`; zeros for an input without tokens.
    fn pooled(&self, embeddings: &Tensor<3>, mask: &Tensor<2, Bool>) -> Tensor<2> {
        // With padding in the maximum, a row's prompt would depend on the other rows of its batch.
        let padding = mask.clone().bool_not().unsqueeze_dim::<3>(2);
        let padding = padding.expand(embeddings.dims());
        let pooled: Tensor<2> =
            embeddings.clone().mask_fill(padding, f32::MIN).max_dim(1).squeeze_dim(1);
        let empty = mask.clone().any_dim(1).bool_not().expand(pooled.dims());
        pooled.mask_fill(empty, 0.0)
    }
}

impl Compose for InstanceAttention {
    fn prompt_length(&self) -> usize {
        self.components.dims()[1]
    }

    fn decoder_vectors(&self) -> Range<usize> {
        self.decoder_vectors.clone()
    }

    fn d_model(&self) -> usize {
        self.components.dims()[2]
    }

    fn task_count(&self) -> usize {
        self.tasks.len()
    }

    fn reads_inputs(&self) -> bool {
        true
    }

    fn task_parameters(&self) -> Vec<ParamId> {
        list_param_ids(&self.tasks)
    }

    /// Returns the prompt of an empty input, whose pooled embedding is zero.
    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        let pooled = Tensor::zeros([1, self.d_model()], &self.components.device());
        self.mix(&[task], pooled).squeeze_dim(0)
    }

    fn compose_for(
        &self,
        rows: &[TaskIndex],
        embeddings: &Tensor<3>,
        mask: &Tensor<2, Bool>,
    ) -> Tensor<3> {
        self.mix(rows, self.pooled(embeddings, mask))
    }
}
