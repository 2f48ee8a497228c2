use burn::tensor::{Device, Tensor};
use mtpt_core::TaskIndex;

use crate::{Error, Result, Tree};

/// A part of a composition that has first values of its own, besides the shared prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// What a task owns.
    Task(TaskIndex),
    /// What a group of the tree owns, or its root, by its node.
    Node(usize),
    /// One of the prompts that an attention mixes, counted from 0.
    Component(usize),
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Task(task) => write!(formatter, "task {task}"),
            Self::Node(node) => write!(formatter, "node {node}"),
            Self::Component(component) => write!(formatter, "component {component}"),
        }
    }
}

/// What a composition is made from: its tasks, and where the first values of its parts come from.
///
/// The same start makes the same composition on every device.
pub struct Start<'a> {
    /// First values of the shared prompt, `[prompt_length, d_model]`.
    pub shared: Tensor<2>,
    /// The tasks; strategies without levels see no more of it than their number.
    pub tree: Tree,
    /// First values for that many vectors of a part, `[length, d_model]`.
    pub part: &'a dyn Fn(Part, usize) -> mtpt_core::Result<Tensor<2>>,
    /// Seed of everything else that starts at random.
    pub seed: u64,
    /// The device that the parameters live on; one with autodiff, if they are to be trained.
    pub device: Device,
}

impl Start<'_> {
    /// Length of the shared prompt.
    pub(crate) fn length(&self) -> usize {
        self.shared.dims()[0]
    }

    /// Width of the shared prompt.
    pub(crate) fn d_model(&self) -> usize {
        self.shared.dims()[1]
    }

    /// First values of a part's vectors, checked, on the device.
    pub(crate) fn part(&self, part: Part, length: usize) -> Result<Tensor<2>> {
        let values = (self.part)(part, length)?;
        let expected = [length, self.d_model()];
        if values.dims() != expected {
            return Err(Error::StartShape { part, expected, found: values.dims() });
        }
        Ok(on(&self.device, values))
    }
}

/// A fresh tensor with the values of another, which it has no graph in common with.
pub(crate) fn on<const D: usize>(device: &Device, values: Tensor<D>) -> Tensor<D> {
    Tensor::from_data(values.into_data(), device)
}
