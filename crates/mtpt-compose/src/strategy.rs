use std::num::Saturating;

use burn::module::Param;
use burn::tensor::{Device, Tensor};

use crate::error::Result;
use crate::init::PartInit;

/// Number of values. [`usize::MAX`] stands for all larger numbers, which the claims of a file may
/// add up to.
pub(crate) type Size = Saturating<usize>;

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
    fn part_size(&self, prompt_length: Size, d_model: Size) -> Size;

    /// Returns the number of parameters that all parts of a level share, without the parent prompt.
    fn pool_size(&self, _prompt_length: Size, _d_model: Size) -> Size {
        Saturating(0)
    }

    /// Returns the number of prompts that attention mixes.
    fn component_count(&self) -> usize {
        0
    }

    /// Initializes the part of one task or group.
    fn init(&self, init: &mut PartInit<'_, '_>) -> Result<Self::Part>
    where
        Self: Sized;

    /// Returns a part with all parameters zero, for a parent prompt `[prompt_length, d_model]`.
    ///
    /// It only allocates the parameters.
    fn zeros(&self, dims: [usize; 2], device: &Device) -> Self::Part
    where
        Self: Sized;
}

/// Returns a parameter of zeros.
pub(crate) fn zero_parameter<const D: usize>(
    shape: [usize; D],
    device: &Device,
) -> Param<Tensor<D>> {
    Param::from_tensor(Tensor::zeros(shape, device))
}

/// Returns the first features of every vector of a prompt, or `None` for a width of 0.
pub(crate) fn first_features(prompt: Tensor<2>, width: usize) -> Option<Tensor<2>> {
    match prompt.dims()[1] {
        _ if width == 0 => None,
        all if all == width => Some(prompt),
        _ => Some(prompt.narrow(1, 0, width)),
    }
}
