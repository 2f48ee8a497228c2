use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::fold::{Fold, Own, Place};
use crate::mixture_weights::numbers;
use crate::range::check_count;
use crate::start::Part;
use crate::uniform::uniform;
use crate::{Error, MixtureWeights, Result};

/// The shared prompt plus what a task's query finds in a pool of components, by multi-head attention:
/// `P + O(concat_h softmax_j(q_h K_h C_j / sqrt(i / H)) V_h C_j)`, for every position on its own.
///
/// The attention composition of the feature request `google-research/prompt-tuning#306`. Of its prototype it differs on
/// purpose: heads are real ones, and each position attends over the components' vectors at that position, so that a prompt
/// is not one vector repeated. Keys are read of vectors brought to a mean square of 1, since embeddings of a T5 can be large
/// enough to decide a softmax for ever. The output projection starts at zero, so that training starts at the shared prompt.
///
/// A projection is its matrix divided by the number of its inputs, and the matrix starts larger by as much. An optimizer that
/// moves every number by the rate, as Adam does, so moves what comes out by the rate too, whatever the width (Yang et al.,
/// 2021, "Tensor Programs V", table 3): projections stand the high rates that prompts are learned at.
///
/// Shared: `L d (1 + M) + 4 d i`. Each task: `d`, its query.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `components` | 4 | `M`, prompts in the pool | 1 to 1,024 |
/// | `heads` | 4 | `H`, heads of the attention | 1 to `inner`, a divisor of it |
/// | `inner` | 64 | `i`, width of queries, keys and values, all heads together | 1 to 65,536 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttentionConfig {
    /// Prompts in the pool.
    pub components: usize,
    /// Heads of the attention.
    pub heads: usize,
    /// Width of queries, keys and values, all heads together.
    pub inner: usize,
}

/// What all tasks of an attention share.
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

pub(crate) const MOST_COMPONENTS: usize = 1024;
const WIDEST: usize = 65_536;

impl Default for AttentionConfig {
    fn default() -> Self {
        Self { components: 4, heads: 4, inner: 64 }
    }
}

impl Fold for AttentionConfig {
    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        check_count("components", self.components, MOST_COMPONENTS)?;
        check_count("inner", self.inner, WIDEST)?;
        check_count("heads", self.heads, self.inner)?;
        if self.inner.is_multiple_of(self.heads) {
            return Ok(());
        }
        Err(Error::Heads { heads: self.heads, inner: self.inner })
    }

    fn own_numbers(&self, _prompt_length: usize, d_model: usize) -> usize {
        d_model
    }

    fn pool_numbers(&self, prompt_length: usize, d_model: usize) -> usize {
        self.components * prompt_length * d_model + 4 * d_model * self.inner
    }

    fn components(&self) -> usize {
        self.components
    }

    fn own(&self, place: &mut Place<'_, '_>) -> Result<Own> {
        let [_, d_model] = place.dims();
        // Queries of unit variance: tasks begin at different mixtures.
        let bound = 3_f32.sqrt();
        let query = uniform(&mut *place.rng, [d_model], bound);
        Ok(Own::Attention(Param::from_tensor(Tensor::from_data(query, place.device()))))
    }

    fn pool(&self, place: &mut Place<'_, '_>) -> Result<Option<Pool>> {
        let [length, d_model] = place.dims();
        let components = (0..self.components)
            .map(|component| Part::Component(place.components_above + component))
            .map(|part| place.start.part(part, length))
            .collect::<Result<Vec<_>>>()?;
        // Glorot and Bengio (2010), equation 16, and the division by the number of inputs.
        let bound = (6.0 / (d_model + self.inner) as f32).sqrt() * d_model as f32;
        let device = place.device().clone();
        let mut projection = || {
            let values = uniform(&mut *place.rng, [d_model, self.inner], bound);
            Param::from_tensor(Tensor::from_data(values, &device))
        };
        Ok(Some(Pool {
            components: Param::from_tensor(Tensor::stack(components, 0)),
            query: projection(),
            key: projection(),
            value: projection(),
            output: Param::from_tensor(Tensor::zeros([self.inner, d_model], &device)),
            heads: self.heads,
        }))
    }
}

impl Pool {
    /// The prompt above plus what the query finds, position by position.
    pub(crate) fn fold(&self, above: Tensor<2>, query: &Param<Tensor<1>>) -> Tensor<2> {
        let components = self.components.val();
        let [count, length, d_model] = components.dims();
        let inner = self.query.dims()[1];
        let shares = self.shares(query);
        let values = projected(components.reshape([count * length, d_model]), &self.value);
        let values: Tensor<4> = values.reshape([count, length, self.heads, inner / self.heads]);
        let found = (values * shares).sum_dim(0);
        above + projected(found.reshape([length, inner]), &self.output)
    }

    /// By what components are mixed.
    pub(crate) fn weights(&self, query: &Param<Tensor<1>>) -> MixtureWeights {
        let shares = self.shares(query).mean_dim(1);
        let [count, _, heads, _] = shares.dims();
        let shares = shares.reshape([count, heads]).transpose();
        let head =
            |head| numbers(shares.clone().slice([head..head + 1, 0..count]).reshape([count]));
        MixtureWeights::Heads((0..heads).map(head).collect())
    }

    /// The share of every component in what a query finds, for each position and head, `[components, length, heads, 1]`.
    fn shares(&self, query: &Param<Tensor<1>>) -> Tensor<4> {
        let components = self.components.val();
        let [count, length, d_model] = components.dims();
        let inner = self.query.dims()[1];
        let (heads, width) = (self.heads, inner / self.heads);
        let mean_square = components.clone().powi_scalar(2).mean_dim(2);
        let even = components / (mean_square + 1e-6).sqrt();
        let keys = projected(even.reshape([count * length, d_model]), &self.key);
        let keys: Tensor<4> = keys.reshape([count, length, heads, width]);
        let query = projected(query.val().unsqueeze(), &self.query);
        let query: Tensor<4> = query.reshape([1, 1, heads, width]);
        let scores = (keys * query).sum_dim(3).div_scalar((width as f64).sqrt());
        activation::softmax(scores, 0)
    }
}

/// Vectors times a matrix that is divided by the number of its inputs.
fn projected(vectors: Tensor<2>, weight: &Param<Tensor<2>>) -> Tensor<2> {
    let [inputs, _] = weight.dims();
    vectors.matmul(weight.val()).div_scalar(inputs as f64)
}
