use std::num::Saturating;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::init::PartInit;
use crate::mixture_weights::{MixtureWeights, to_vec};
use crate::part_id::PartId;
use crate::range::check_count;
use crate::strategy::{Size, Strategy, zero_parameter};
use crate::uniform::uniform;

/// Adds multi-head attention of a task-specific query over a pool of components to the shared
/// prompt: `P + O(concat_h softmax_j(q_h K_h C_j / sqrt(i / H)) V_h C_j)`, for each position
/// separately.
///
/// Source: the attention composition of the feature request `google-research/prompt-tuning#306`.
/// Two differences from its prototype are deliberate: the heads are separate, and each position
/// attends over the components' vectors at that position, so a prompt isn't one repeated vector.
/// Keys are computed from vectors scaled to a mean square of 1, because large T5 embeddings
/// saturate the softmax. The output projection is initialized to zero, so training starts at the
/// shared prompt.
///
/// Each projection matrix is divided by its number of inputs, and initialized larger by the same
/// factor. An Adam step, which changes each value by about the learning rate, then changes the
/// output by the same amount for every width (Yang et al., 2021, "Tensor Programs V", table 3).
/// Projections thus tolerate the high learning rates of prompts.
///
/// Shared: `L d (1 + M) + 4 d i`. Each task: `d`, its query.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `components` | 4 | `M`, number of prompts in the pool | 1 to 1,024 |
/// | `heads` | 4 | `H`, number of heads | 1 to `inner`, a divisor of it |
/// | `inner` | 64 | `i`, width of queries, keys and values, all heads together | 1 to 65,536 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttentionConfig {
    /// Number of prompts in the pool.
    pub components: usize,
    /// Number of heads.
    pub heads: usize,
    /// Width of queries, keys and values, all heads together.
    pub inner: usize,
}

/// The components and projections that all parts of a level share.
#[derive(Module, Debug)]
pub(crate) struct Pool {
    /// `C`, `[components, prompt_length, d_model]`.
    components: Param<Tensor<3>>,
    /// `[d_model, inner]`.
    query: Param<Tensor<2>>,
    /// `[d_model, inner]`.
    key: Param<Tensor<2>>,
    /// `[d_model, inner]`.
    value: Param<Tensor<2>>,
    /// `[inner, d_model]`.
    output: Param<Tensor<2>>,
    #[module(skip)]
    heads: usize,
}

pub(crate) const MAX_COMPONENTS: usize = 1024;
const MAX_WIDTH: usize = 65_536;

impl Default for AttentionConfig {
    fn default() -> Self {
        Self { components: 4, heads: 4, inner: 64 }
    }
}

impl Strategy for AttentionConfig {
    /// `q_k`, `[d_model]`.
    type Part = Param<Tensor<1>>;

    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        check_count("components", self.components, MAX_COMPONENTS)?;
        check_count("inner", self.inner, MAX_WIDTH)?;
        check_count("heads", self.heads, self.inner)?;
        if self.inner.is_multiple_of(self.heads) {
            return Ok(());
        }
        Err(Error::Heads { heads: self.heads, inner: self.inner })
    }

    fn part_size(&self, _prompt_length: Size, d_model: Size) -> Size {
        d_model
    }

    fn pool_size(&self, prompt_length: Size, d_model: Size) -> Size {
        let [components, inner] = [self.components, self.inner].map(Saturating);
        components * prompt_length * d_model + Saturating(4) * d_model * inner
    }

    fn component_count(&self) -> usize {
        self.components
    }

    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part> {
        let [_, d_model] = init.dims();
        // Unit variance, so that tasks start at different mixtures.
        let bound = 3_f32.sqrt();
        let query = uniform(&mut *init.rng, [d_model], bound);
        Ok(Param::from_tensor(Tensor::from_data(query, init.device())))
    }

    fn zeros(&self, [_, d_model]: [usize; 2], device: &Device) -> Self::Part {
        zero_parameter([d_model], device)
    }
}

impl Pool {
    /// Initializes the pool of a level.
    pub(crate) fn init(config: &AttentionConfig, init: &mut PartInit<'_, '_>) -> Result<Self> {
        let [length, d_model] = init.dims();
        let components = (0..config.components)
            .map(|component| PartId::Component(init.components_above + component))
            .map(|part| init.context.initial_values(part, length))
            .collect::<Result<Vec<_>>>()?;
        // Glorot and Bengio (2010), equation 16, times the number of inputs.
        let bound = (6.0 / (d_model + config.inner) as f32).sqrt() * d_model as f32;
        let device = init.device().clone();
        let mut projection = || {
            let values = uniform(&mut *init.rng, [d_model, config.inner], bound);
            Param::from_tensor(Tensor::from_data(values, &device))
        };
        Ok(Self {
            components: Param::from_tensor(Tensor::stack(components, 0)),
            query: projection(),
            key: projection(),
            value: projection(),
            output: zero_parameter([config.inner, d_model], &device),
            heads: config.heads,
        })
    }

    /// Returns a pool with all parameters zero.
    pub(crate) fn zeros(
        config: &AttentionConfig,
        [length, d_model]: [usize; 2],
        device: &Device,
    ) -> Self {
        let inputs = || zero_parameter([d_model, config.inner], device);
        Self {
            components: zero_parameter([config.components, length, d_model], device),
            query: inputs(),
            key: inputs(),
            value: inputs(),
            output: zero_parameter([config.inner, d_model], device),
            heads: config.heads,
        }
    }

    /// Adds the attention output to the parent prompt, position by position.
    pub(crate) fn forward(&self, parent: Tensor<2>, query: &Param<Tensor<1>>) -> Tensor<2> {
        let components = self.components.val();
        let [count, length, d_model] = components.dims();
        let inner = self.query.dims()[1];
        let weights = self.attention_weights(query);
        let values = projected(components.reshape([count * length, d_model]), &self.value);
        let values: Tensor<4> = values.reshape([count, length, self.heads, inner / self.heads]);
        let context = (values * weights).sum_dim(0);
        parent + projected(context.reshape([length, inner]), &self.output)
    }

    /// Returns the attention weights of the components, averaged over positions.
    pub(crate) fn mixture_weights(&self, query: &Param<Tensor<1>>) -> MixtureWeights {
        let weights = self.attention_weights(query).mean_dim(1);
        let [count, _, heads, _] = weights.dims();
        let weights = weights.reshape([count, heads]).transpose();
        let head =
            |head| to_vec(weights.clone().slice([head..head + 1, 0..count]).reshape([count]));
        MixtureWeights::Heads((0..heads).map(head).collect())
    }

    /// Returns the attention weights, `[components, length, heads, 1]`.
    fn attention_weights(&self, query: &Param<Tensor<1>>) -> Tensor<4> {
        let components = self.components.val();
        let [count, length, d_model] = components.dims();
        let inner = self.query.dims()[1];
        let (heads, width) = (self.heads, inner / self.heads);
        let mean_square = components.clone().powi_scalar(2).mean_dim(2);
        let normalized = components / (mean_square + 1e-6).sqrt();
        let keys = projected(normalized.reshape([count * length, d_model]), &self.key);
        let keys: Tensor<4> = keys.reshape([count, length, heads, width]);
        let query = projected(query.val().unsqueeze(), &self.query);
        let query: Tensor<4> = query.reshape([1, 1, heads, width]);
        let scores = (keys * query).sum_dim(3).div_scalar((width as f64).sqrt());
        activation::softmax(scores, 0)
    }
}

/// Multiplies vectors by a matrix that is divided by its number of inputs.
fn projected(vectors: Tensor<2>, weight: &Param<Tensor<2>>) -> Tensor<2> {
    let [inputs, _] = weight.dims();
    vectors.matmul(weight.val()).div_scalar(inputs as f64)
}
