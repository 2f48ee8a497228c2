//! Sources of a model's parameters.

use std::path::Path;

use burn::tensor::TensorData;

use crate::error::Result;

/// A source of a model's parameters.
pub(crate) trait ParameterSource {
    /// Returns the file or folder.
    fn path(&self) -> &Path;

    /// Returns the number of blocks of a stack, `encoder` or `decoder`, that the source has
    /// parameters of.
    fn block_count(&self, stack: &str) -> usize;

    /// Checks that the source has all parameters in their shapes, before any is read.
    ///
    /// A source that can't find out returns no error here, but from
    /// [`parameter`](Self::parameter).
    fn check(&self, _parameters: &[Parameter]) -> Result<()> {
        Ok(())
    }

    /// Returns the values of the parameter at a path of the modules, in the given shape.
    fn parameter(&mut self, path: &[String], shape: &[usize]) -> Result<TensorData>;

    /// Returns the file and the name of the parameter at a path of the modules, for messages.
    fn origin(&self, path: &[String]) -> (&Path, String);

    /// Returns an error if the source has parameters that were not requested.
    fn finish(self) -> Result<()>;
}

/// A parameter of a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    /// Path of the modules.
    pub(crate) path: Vec<String>,
    /// Its shape in the model.
    pub(crate) shape: Vec<usize>,
}
