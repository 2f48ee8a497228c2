use std::num::Saturating;
use std::ops::Range;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Bool, Device, Tensor};
use mtpt_core::{Compose, SplitPrompts, TaskIndex};

use crate::config::{CompositionConfig, Kind};
use crate::error::{Error, Result};
use crate::flat::Flat;
use crate::hierarchy::{self, Hierarchy};
use crate::init::InitContext;
use crate::mixture_weights::NodeWeights;
use crate::parameter_count::ParameterCount;
use crate::range::check_range;
use crate::strategies::instance_attention::InstanceAttention;
use crate::tree::Tree;

/// A composition whose strategy is chosen at run time by a [`CompositionConfig`].
#[derive(Module, Debug)]
pub enum Composition {
    /// A shared prompt and one part per task.
    Flat(Flat),
    /// One part per node of the task tree.
    Hierarchy(Hierarchy),
    /// Prompts that depend on the input.
    InstanceAttention(InstanceAttention),
}

/// Evaluates an expression for the content of the variant.
macro_rules! each {
    ($value:expr, $inner:ident => $body:expr) => {
        match $value {
            Composition::Flat($inner) => $body,
            Composition::Hierarchy($inner) => $body,
            Composition::InstanceAttention($inner) => $body,
        }
    };
}

impl CompositionConfig {
    /// Checks the options against the shape of the shared prompt.
    ///
    /// # Errors
    ///
    /// When an option is out of range.
    pub fn check(&self, prompt_length: usize, d_model: usize) -> Result<()> {
        match self.kind() {
            Kind::Level(strategy) => strategy.check(prompt_length, d_model),
            Kind::InstanceAttention(config) => config.check(),
            Kind::Hierarchy(config) => hierarchy::check(config, prompt_length, d_model),
            Kind::Custom(_) => Ok(()),
        }
    }

    /// Returns the number of prompts that attention mixes, over all levels; 0 for other strategies.
    pub fn component_count(&self) -> usize {
        match self.kind() {
            Kind::Level(strategy) => strategy.component_count(),
            Kind::InstanceAttention(config) => config.components,
            Kind::Hierarchy(config) => {
                let counts = config.levels.iter().flatten().map(Self::component_count);
                counts.fold(0, usize::saturating_add)
            }
            Kind::Custom(_) => 0,
        }
    }

    /// Returns the number of trainable parameters, in closed form, for a shared prompt of shape
    /// `[prompt_length, d_model]` and a task tree. Counts beyond [`usize::MAX`] are
    /// [`usize::MAX`].
    ///
    /// # Errors
    ///
    /// When an option is out of range, the levels of a hierarchy don't match the tree, and
    /// [`Error::CustomStrategy`].
    pub fn parameter_count(
        &self,
        prompt_length: usize,
        d_model: usize,
        tree: &Tree,
    ) -> Result<ParameterCount> {
        self.check(prompt_length, d_model)?;
        let [length, width] = [prompt_length, d_model].map(Saturating);
        match self.kind() {
            Kind::Level(strategy) => Ok(Flat::parameter_count(strategy, length, width, tree)),
            Kind::InstanceAttention(config) => Ok(config.parameter_count(length, width, tree)),
            Kind::Hierarchy(config) => {
                hierarchy::parameter_count(config, prompt_length, d_model, tree)
            }
            Kind::Custom(config) => Err(config.unknown()),
        }
    }

    /// Initializes the composition.
    ///
    /// # Errors
    ///
    /// When an option is out of range, there is no task, initial values are missing or of the wrong
    /// shape, or the levels of a hierarchy don't match the tree or yield prompts of different
    /// lengths; [`Error::CustomStrategy`] for a strategy of the calling program.
    pub fn init(&self, context: &InitContext<'_>) -> Result<Composition> {
        if context.tree.task_count() == 0 {
            return Err(Error::NoTask);
        }
        match self.kind() {
            Kind::Level(strategy) => Flat::init(strategy, context).map(Composition::Flat),
            Kind::InstanceAttention(config) => {
                config.init(context).map(Composition::InstanceAttention)
            }
            Kind::Hierarchy(config) => Hierarchy::init(config, context).map(Composition::Hierarchy),
            Kind::Custom(config) => Err(config.unknown()),
        }
    }

    /// Creates the composition with all parameters zero, for a shared prompt
    /// `[prompt_length, d_model]`. Values of a file can then be loaded into it.
    ///
    /// It allocates [`parameter_count`](Self::parameter_count) values and no others.
    ///
    /// # Errors
    ///
    /// As [`init`](Self::init).
    pub fn zeros(
        &self,
        [prompt_length, d_model]: [usize; 2],
        tree: &Tree,
        device: &Device,
    ) -> Result<Composition> {
        if tree.task_count() == 0 {
            return Err(Error::NoTask);
        }
        let dims = [prompt_length, d_model];
        match self.kind() {
            Kind::Level(strategy) => {
                Flat::zeros(strategy, dims, tree, device).map(Composition::Flat)
            }
            Kind::InstanceAttention(config) => {
                config.zeros(dims, tree, device).map(Composition::InstanceAttention)
            }
            Kind::Hierarchy(config) => {
                Hierarchy::zeros(config, dims, tree, device).map(Composition::Hierarchy)
            }
            Kind::Custom(config) => Err(config.unknown()),
        }
    }
}

impl Composition {
    /// Freezes levels. Level 0 is the root with the shared prompt; without a tree, level 1 is the
    /// tasks.
    ///
    /// Gradients of frozen levels are neither computed nor applied, so the values stay
    /// bit-identical.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] for a level that doesn't exist, [`Error::AllFrozen`] if no trainable
    /// parameter is left.
    pub fn freeze_levels(mut self, levels: &[usize]) -> Result<Self> {
        let count = match &self {
            Self::Hierarchy(hierarchy) => hierarchy.tree().levels(),
            Self::Flat(_) | Self::InstanceAttention(_) => 2,
        };
        for &level in levels {
            check_range("frozen_levels", level, 0, count - 1)?;
            self = match self {
                Self::Flat(flat) => Self::Flat(flat.frozen(level)),
                Self::Hierarchy(hierarchy) => Self::Hierarchy(hierarchy.frozen(level)),
                Self::InstanceAttention(attention) => {
                    Self::InstanceAttention(attention.frozen(level))
                }
            };
        }
        if !levels.is_empty() && self.trainable_parameters() == 0 {
            return Err(Error::AllFrozen);
        }
        Ok(self)
    }

    /// Specifies which vectors of a prompt are prepended to the decoder's input. All others are
    /// prepended to the encoder's, which is the default for all vectors.
    ///
    /// # Panics
    ///
    /// When the range exceeds the prompt, or leaves no vector for the encoder.
    #[must_use]
    pub fn with_decoder_vectors(mut self, vectors: Range<usize>) -> Self {
        let length = self.prompt_length();
        assert!(
            vectors.start <= vectors.end && vectors.end <= length && vectors.len() < length,
            "vectors {vectors:?} for the decoder of a prompt with {length}"
        );
        each!(&mut self, inner => inner.decoder_vectors = vectors);
        self
    }

    /// Prepends the last vectors of each prompt to the decoder's input, otherwise like
    /// [`with_decoder_vectors`](Self::with_decoder_vectors).
    ///
    /// # Panics
    ///
    /// When there are fewer vectors, or none is left for the encoder.
    #[must_use]
    pub fn with_decoder_length(self, decoder_length: usize) -> Self {
        let last = self.last_vectors(decoder_length);
        self.with_decoder_vectors(last)
    }

    fn last_vectors(&self, count: usize) -> Range<usize> {
        let length = self.prompt_length();
        length - count..length
    }

    /// Returns the number of trainable parameters.
    pub fn trainable_parameters(&self) -> usize {
        struct Count(usize);
        impl ModuleVisitor for Count {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if param.is_require_grad() {
                    self.0 += param.lazy_shape().num_elements();
                }
            }
        }
        let mut count = Count(0);
        self.visit(&mut count);
        count.0
    }

    /// Returns the trained mixture weights of tasks and groups, in the order of their nodes.
    ///
    /// `weighted`, `gated` and `attention` have them, at every level of a tree. The weights of
    /// `instance_attention` depend on the input: see [`InstanceAttention::component_weights`].
    pub fn mixture_weights(&self) -> Vec<NodeWeights> {
        match self {
            Self::Flat(flat) => flat.mixture_weights(),
            Self::Hierarchy(hierarchy) => hierarchy.mixture_weights(),
            Self::InstanceAttention(_) => Vec::new(),
        }
    }

    /// Returns the composed prompt of a task, `[prompt_length, d_model]`, outside the autodiff
    /// graph: the vectors for the encoder, then those for the decoder.
    ///
    /// # Errors
    ///
    /// [`Error::ReadsInputs`] when prompts depend on the input.
    ///
    /// # Panics
    ///
    /// When the task is not below [`task_count`](Compose::task_count).
    pub fn plain_prompt(&self, task: TaskIndex) -> Result<Tensor<2>> {
        if self.reads_inputs() {
            return Err(Error::ReadsInputs);
        }
        let prompt = self.compose(task).inner().unsqueeze();
        let vectors = self.decoder_vectors();
        let last = self.last_vectors(vectors.len());
        Ok(SplitPrompts::split(prompt, vectors).join(last).squeeze_dim(0))
    }

    /// Returns a `separate` composition of the composed prompts of some tasks, in the given order.
    ///
    /// # Errors
    ///
    /// [`Error::ReadsInputs`] when prompts depend on the input, [`Error::NoTask`] without tasks.
    ///
    /// # Panics
    ///
    /// When a task is not below [`task_count`](Compose::task_count).
    pub fn to_separate(&self, tasks: &[TaskIndex]) -> Result<Self> {
        let prompts = tasks.iter().map(|&task| self.plain_prompt(task)).collect::<Result<_>>()?;
        Ok(Self::plain(prompts)?.with_decoder_length(self.decoder_vectors().len()))
    }

    /// Creates a `separate` composition from one prompt per task.
    ///
    /// # Shapes
    ///
    /// - `prompts`: each `[prompt_length, d_model]`
    ///
    /// # Errors
    ///
    /// [`Error::NoTask`] without prompts.
    ///
    /// # Panics
    ///
    /// When shapes differ.
    pub fn plain(prompts: Vec<Tensor<2>>) -> Result<Self> {
        let Some(first) = prompts.first() else { return Err(Error::NoTask) };
        let shape = first.dims();
        assert!(prompts.iter().all(|prompt| prompt.dims() == shape), "prompts of one shape");
        Ok(Self::Flat(Flat::separate(prompts)))
    }
}

impl Compose for Composition {
    fn prompt_length(&self) -> usize {
        each!(self, inner => inner.prompt_length())
    }

    fn decoder_vectors(&self) -> Range<usize> {
        each!(self, inner => inner.decoder_vectors())
    }

    fn d_model(&self) -> usize {
        each!(self, inner => inner.d_model())
    }

    fn task_count(&self) -> usize {
        each!(self, inner => inner.task_count())
    }

    fn reads_inputs(&self) -> bool {
        each!(self, inner => inner.reads_inputs())
    }

    fn task_parameters(&self) -> Vec<ParamId> {
        each!(self, inner => inner.task_parameters())
    }

    fn compose(&self, task: TaskIndex) -> Tensor<2> {
        each!(self, inner => inner.compose(task))
    }

    fn compose_for(
        &self,
        rows: &[TaskIndex],
        embeddings: &Tensor<3>,
        mask: &Tensor<2, Bool>,
    ) -> Tensor<3> {
        each!(self, inner => inner.compose_for(rows, embeddings, mask))
    }
}
