use burn::module::{Module, Param, ParamId, list_param_ids};
use burn::tensor::{Bool, Tensor, activation};
use mtpt_core::{Compose, TaskIndex};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::attention::MOST_COMPONENTS;
use crate::range::check_count;
use crate::start::Part;
use crate::uniform::uniform;
use crate::{Error, ParameterCount, Result, Start, Tree};

/// A task's prompt plus a mixture of components that the example's own embeddings choose: `T_k + sum_j a_j C_j`.
///
/// ATTEMPT (Asai et al., 2022, section 3.2): the input is max-pooled over its tokens, taken through a down-projection, SiLU,
/// an up-projection and a layer norm, and compared with each max-pooled component; `a` is the softmax of these products over
/// a temperature. The task's own prompt is one of the components too, as in the paper, unless `attend_target` is off.
///
/// This is the one strategy whose prompts depend on the inputs that they stand in front of, so that no plain prompt can stand
/// for them.
///
/// Shared: `M L d + 2 d b + 2 d`. Each task: `L d`.
///
/// | Name | Default | Purpose | Range |
/// | :--- | :--- | :--- | :--- |
/// | `components` | 6 | `M`, prompts in the pool | 1 to 1,024 |
/// | `bottleneck` | 100 | `b`, width between the projections | 1 to 65,536 |
/// | `temperature` | `e` times `d_model` | divides what the softmax reads | 1e-6 to 1e9 |
/// | `attend_target` | `true` | whether the task's own prompt is among the components | |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstanceAttentionConfig {
    /// Prompts in the pool.
    pub components: usize,
    /// Width between the projections.
    pub bottleneck: usize,
    /// Divides what the softmax reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Whether the task's own prompt is among the components.
    pub attend_target: bool,
}

/// What an [`InstanceAttentionConfig`] makes.
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
}

const WIDEST: usize = 65_536;
/// Beyond these a softmax in single precision knows one component or all alike, whatever the input is.
const LOWEST_TEMPERATURE: f64 = 1e-6;
const HIGHEST_TEMPERATURE: f64 = 1e9;
/// Of the layer norm, as in PyTorch.
const EPSILON: f64 = 1e-5;

impl Default for InstanceAttentionConfig {
    fn default() -> Self {
        Self { components: 6, bottleneck: 100, temperature: None, attend_target: true }
    }
}

impl InstanceAttentionConfig {
    /// Checks the options.
    pub(crate) fn check(&self) -> Result<()> {
        check_count("components", self.components, MOST_COMPONENTS)?;
        check_count("bottleneck", self.bottleneck, WIDEST)?;
        match self.temperature {
            Some(found) if !(LOWEST_TEMPERATURE..=HIGHEST_TEMPERATURE).contains(&found) => {
                Err(Error::OutOfRange {
                    name: "temperature",
                    lowest: LOWEST_TEMPERATURE,
                    highest: HIGHEST_TEMPERATURE,
                    found,
                })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn parameter_count(
        &self,
        prompt_length: usize,
        d_model: usize,
        tree: &Tree,
    ) -> ParameterCount {
        let prompt = prompt_length * d_model;
        let attention = 2 * d_model * self.bottleneck + 2 * d_model;
        ParameterCount {
            shared: self.components * prompt + attention,
            own: tree.task_count() * prompt,
            task_count: tree.task_count(),
        }
    }

    pub(crate) fn init(&self, start: &Start<'_>) -> Result<InstanceAttention> {
        self.check()?;
        let (length, d_model, device) = (start.length(), start.d_model(), &start.device);
        let components = (0..self.components)
            .map(|component| start.part(Part::Component(component), length))
            .collect::<Result<Vec<_>>>()?;
        let mut rng = ChaCha8Rng::seed_from_u64(start.seed);
        // Glorot and Bengio (2010), equation 16.
        let bound = (6.0 / (d_model + self.bottleneck) as f32).sqrt();
        let mut projection = |shape: [usize; 2]| {
            Param::from_tensor(Tensor::from_data(uniform(&mut rng, shape, bound), device))
        };
        let (down, up) =
            (projection([d_model, self.bottleneck]), projection([self.bottleneck, d_model]));
        let tasks = start
            .tree
            .tasks()
            .map(|task| start.part(Part::Task(task), length).map(Param::from_tensor))
            .collect::<Result<_>>()?;
        Ok(InstanceAttention {
            components: Param::from_tensor(Tensor::stack(components, 0)),
            down,
            up,
            gamma: Param::from_tensor(Tensor::ones([d_model], device)),
            beta: Param::from_tensor(Tensor::zeros([d_model], device)),
            tasks,
            temperature: self.temperature.unwrap_or(std::f64::consts::E * d_model as f64),
            attend_target: self.attend_target,
        })
    }
}

impl InstanceAttention {
    /// Leaves out of training what all tasks share (level 0), or what each owns (level 1).
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

    /// What the inputs ask for, `[rows, d_model]`, of their largest values over tokens.
    fn question(&self, pooled: Tensor<2>) -> Tensor<2> {
        let up = activation::silu(pooled.matmul(self.down.val())).matmul(self.up.val());
        let centred = up.clone() - up.mean_dim(1);
        let variance = centred.clone().powi_scalar(2).mean_dim(1);
        centred / (variance + EPSILON).sqrt() * self.gamma.val().unsqueeze()
            + self.beta.val().unsqueeze()
    }

    /// The share of each component in the prompts of rows, as [`compose_for`](Compose::compose_for) mixes them.
    ///
    /// # Shapes
    ///
    /// - `embeddings`: `[rows, length, d_model]`
    /// - `mask`: `[rows, length]`
    /// - output: `[rows, components]`, with the task's own prompt as one more, the last, if it is attended to; those of a row
    ///   add up to 1
    ///
    /// # Panics
    ///
    /// As [`compose_for`](Compose::compose_for).
    pub fn component_shares(
        &self,
        rows: &[TaskIndex],
        embeddings: &Tensor<3>,
        mask: &Tensor<2, Bool>,
    ) -> Tensor<2> {
        let own = mtpt_core::gather_task_rows(rows, |task| self.tasks[task.position()].val());
        self.shares(&own, self.pooled(embeddings, mask))
    }

    /// Prompts for inputs of which the largest values over tokens are given.
    ///
    /// # Shapes
    ///
    /// - `pooled`: `[rows, d_model]`
    /// - output: `[rows, prompt_length, d_model]`
    fn mix(&self, tasks: &[TaskIndex], pooled: Tensor<2>) -> Tensor<3> {
        let components = self.components.val();
        let [count, length, d_model] = components.dims();
        let own = mtpt_core::gather_task_rows(tasks, |task| self.tasks[task.position()].val());
        let rows = tasks.len();
        let shares = self.shares(&own, pooled);
        let mixed = shares
            .clone()
            .narrow(1, 0, count)
            .matmul(components.reshape([count, length * d_model]))
            .reshape([rows, length, d_model]);
        let prompts = own.clone() + mixed;
        if !self.attend_target {
            return prompts;
        }
        prompts + own * shares.narrow(1, count, 1).unsqueeze_dim(2)
    }

    /// The share of each component, and last of the task's own prompt if it is attended to, of tasks' own prompts
    /// `[rows, prompt_length, d_model]` and pooled inputs `[rows, d_model]`.
    fn shares(&self, own: &Tensor<3>, pooled: Tensor<2>) -> Tensor<2> {
        let question = self.question(pooled);
        let pooled_components: Tensor<2> = self.components.val().max_dim(1).squeeze_dim(1);
        let mut scores = question.clone().matmul(pooled_components.transpose());
        if self.attend_target {
            let pooled_own: Tensor<2> = own.clone().max_dim(1).squeeze_dim(1);
            scores = Tensor::cat(vec![scores, (pooled_own * question).sum_dim(1)], 1);
        }
        activation::softmax(scores.div_scalar(self.temperature), 1)
    }

    /// The largest values of inputs over their tokens, `[rows, d_model]`; zeros of an input without any.
    fn pooled(&self, embeddings: &Tensor<3>, mask: &Tensor<2, Bool>) -> Tensor<2> {
        // Padding must not be the largest value: what a row's prompt is would depend on the rows beside it.
        let padding = mask.clone().bool_not().unsqueeze_dim::<3>(2);
        let padding = padding.expand(embeddings.dims());
        let pooled: Tensor<2> =
            embeddings.clone().mask_fill(padding, f32::MIN).max_dim(1).squeeze_dim(1);
        let nothing = mask.clone().any_dim(1).bool_not().expand(pooled.dims());
        pooled.mask_fill(nothing, 0.0)
    }
}

impl Compose for InstanceAttention {
    fn prompt_length(&self) -> usize {
        self.components.dims()[1]
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

    /// The prompt in front of an input that says nothing, whose pooled embedding is zero.
    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        let nothing = Tensor::zeros([1, self.d_model()], &self.components.device());
        self.mix(&[task], nothing).squeeze_dim(0)
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
