use burn::module::Param;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::part_id::PartId;
use crate::tree::Tree;

/// A strategy that computes the prompt of a task, or of a group, from its parent prompt and its
/// part.
///
/// The parent prompt is the shared prompt or, in a tree, the prompt of the parent node.
pub(crate) trait Strategy {
    /// Parameters of one task or group.
    type Part
    where
        Self: Sized;

    /// Checks the options against the shape of the parent prompt.
    fn check(&self, _prompt_length: usize, _d_model: usize) -> Result<()> {
        Ok(())
    }

    /// Returns how many features of the parent prompt are used, counted from the first.
    fn parent_width(&self, d_model: usize) -> usize {
        d_model
    }

    /// Returns the initial shared prompt, `[length, parent_width]`, for a training that is to start
    /// at `prompt`.
    fn init_shared(&self, prompt: Tensor<2>) -> Option<Tensor<2>> {
        let width = self.parent_width(prompt.dims()[1]);
        first_features(prompt, width)
    }

    /// Returns the number of vectors that are appended to the parent prompt.
    fn added_length(&self) -> usize {
        0
    }

    /// Returns the number of parameters of one part.
    fn part_size(&self, prompt_length: usize, d_model: usize) -> usize;

    /// Returns the number of parameters that all parts of a level share, without the parent prompt.
    fn pool_size(&self, _prompt_length: usize, _d_model: usize) -> usize {
        0
    }

    /// Returns the number of prompts that attention mixes.
    fn component_count(&self) -> usize {
        0
    }

    /// Initializes the part of one task or group.
    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part>
    where
        Self: Sized;
}

/// Returns the first features of every vector of a prompt, or `None` for a width of 0.
pub(crate) fn first_features(prompt: Tensor<2>, width: usize) -> Option<Tensor<2>> {
    match prompt.dims()[1] {
        _ if width == 0 => None,
        all if all == width => Some(prompt),
        _ => Some(prompt.narrow(1, 0, width)),
    }
}

/// The arguments of [`Strategy::init`].
pub(crate) struct PartInit<'a, 's> {
    /// The part.
    pub(crate) part: PartId,
    /// Initial values of the used features of the parent prompt, `[length, parent_width]`.
    pub(crate) parent: Option<Tensor<2>>,
    /// The prompt that training should start at, `[length, d_model]`.
    pub(crate) target: Tensor<2>,
    /// Number of components of the attentions at higher levels.
    pub(crate) components_above: usize,
    /// Random number generator of the composition.
    pub(crate) rng: &'a mut ChaCha8Rng,
    /// The arguments of the whole composition.
    pub(crate) context: &'a InitContext<'s>,
}

impl PartInit<'_, '_> {
    /// Returns the length and width of the prompt that training should start at.
    pub(crate) fn dims(&self) -> [usize; 2] {
        self.target.dims()
    }

    /// Returns the device of the parameters.
    pub(crate) fn device(&self) -> &Device {
        &self.context.device
    }

    /// Returns a trainable copy of the prompt that training should start at.
    pub(crate) fn copy_target(&self) -> Param<Tensor<2>> {
        Param::from_tensor(detached_on(self.device(), self.target.clone()))
    }

    /// Returns initial values of the part from [`InitContext::part`].
    pub(crate) fn initial_values(&self, length: usize) -> Result<Param<Tensor<2>>> {
        self.context.initial_values(self.part, length).map(Param::from_tensor)
    }
}

/// The tasks of a composition and the initial values of its parameters.
///
/// Equal contexts yield equal compositions on every device.
pub struct InitContext<'a> {
    /// Initial values of the shared prompt, `[prompt_length, d_model]`.
    pub shared: Tensor<2>,
    /// The task tree. Strategies without levels only use the number of tasks.
    pub tree: Tree,
    /// Returns initial values of a part, `[length, d_model]`.
    pub part: &'a dyn Fn(PartId, usize) -> mtpt_core::Result<Tensor<2>>,
    /// Seed of all other random initial values.
    pub seed: u64,
    /// Device of the parameters; one with autodiff if they are to be trained.
    pub device: Device,
}

impl InitContext<'_> {
    /// Returns the length of the shared prompt.
    pub(crate) fn length(&self) -> usize {
        self.shared.dims()[0]
    }

    /// Returns the width of the shared prompt.
    pub(crate) fn d_model(&self) -> usize {
        self.shared.dims()[1]
    }

    /// Returns initial values of a part on the device, after checking their shape.
    pub(crate) fn initial_values(&self, part: PartId, length: usize) -> Result<Tensor<2>> {
        let values = (self.part)(part, length)?;
        let expected = [length, self.d_model()];
        if values.dims() != expected {
            return Err(Error::InitialShape { part, expected, found: values.dims() });
        }
        Ok(detached_on(&self.device, values))
    }
}

/// Returns a tensor with the same values on a device, outside any autodiff graph.
pub(crate) fn detached_on<const D: usize>(device: &Device, values: Tensor<D>) -> Tensor<D> {
    Tensor::from_data(values.into_data(), device)
}
