use burn::module::Param;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::part_id::PartId;
use crate::tree::Tree;

/// The arguments of [`Strategy::init`](crate::strategy::Strategy::init).
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
