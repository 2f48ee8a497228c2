use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, TensorData};
use mtpt_compose::{Composition, CompositionConfig, SeparateConfig};
use mtpt_core::{Backbone, Compose, TaskIndex, load_parameters, named_parameters};
use mtpt_tasks::TaskTree;
use mtpt_tasks::task::find_task;

use crate::error::{Error, Result};
use crate::header::{PromptHeader, PromptTask};
use crate::note::PromptNote;
use crate::prompt_file::PromptFile;
use crate::prompt_search::prompt_file;
use crate::prompted::Prompted;
use crate::tree::composed_tree;

/// Trained prompts: a composition, and a header that describes it and its tasks.
///
/// `Prompts::read` opens a prompt file or the prompts of another program, see
/// [`PromptFormat`](crate::PromptFormat).
#[derive(Clone, Debug)]
pub struct Prompts<C = Composition> {
    composition: C,
    header: PromptHeader,
    notes: Vec<PromptNote>,
}

impl Prompts {
    /// Creates prompts from named parameters.
    ///
    /// # Errors
    ///
    /// When the parameters are not the ones that the header describes.
    pub(crate) fn from_tensors(
        tensors: BTreeMap<String, TensorData>,
        header: PromptHeader,
        device: &Device,
    ) -> Result<Self> {
        let composition = load_parameters(header.zeros(device)?, tensors)?;
        Ok(Self::new(composition, header))
    }

    /// Adds remarks of a reader.
    pub(crate) fn with_notes(self, notes: Vec<PromptNote>) -> Self {
        Self { notes, ..self }
    }

    /// Returns the parameters by their names in a prompt file.
    pub fn tensors(&self) -> BTreeMap<String, TensorData> {
        named_parameters(&self.composition)
    }

    /// Replaces names, templates and labels of all tasks, in the order of the task indices.
    ///
    /// # Errors
    ///
    /// - [`Error::TaskCount`] for a different number of tasks.
    /// - [`Error::GroupsChanged`] when the composition has parameters for groups and the new names
    ///   form other groups.
    /// - When two tasks have the same name, or a task is also a group.
    pub fn with_tasks(self, tasks: Vec<PromptTask>) -> Result<Self> {
        let (expected, found) = (self.tasks().len(), tasks.len());
        if expected != found {
            return Err(Error::TaskCount { expected, found });
        }
        let tree = |tasks: &[PromptTask]| {
            composed_tree(&TaskTree::new(tasks.iter().map(|task| &task.name))?)
        };
        if matches!(self.header.composition, CompositionConfig::Hierarchy(_))
            && tree(&tasks)? != tree(self.tasks())?
        {
            return Err(Error::GroupsChanged);
        }
        // Rebuilding the composition checks the names as reading a file does.
        let device = self.composition.devices().into_iter().next().unwrap_or_default();
        let (tensors, notes) = (self.tensors(), self.notes);
        let header = PromptHeader { tasks, ..self.header };
        Ok(Self::from_tensors(tensors, header, &device)?.with_notes(notes))
    }

    /// Sets the model that the header names.
    #[must_use]
    pub fn with_model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.header.model);
        self
    }

    /// Returns prompts for one task alone, with its prompt composed into plain values.
    ///
    /// # Errors
    ///
    /// [`mtpt_compose::Error::ReadsInputs`] for prompts that depend on the inputs.
    ///
    /// # Panics
    ///
    /// When the task index is out of range.
    pub fn one_task(&self, task: TaskIndex) -> Result<Self> {
        let composition = self.composition.to_separate(&[task])?;
        let header = PromptHeader {
            composition: CompositionConfig::Separate(SeparateConfig::default()),
            length: composition.prompt_length() - self.header.decoder_length,
            tasks: vec![self.tasks()[task.position()].clone()],
            ..self.header.clone()
        };
        Ok(Self::new(composition, header))
    }
}

impl<C: Compose> Prompts<C> {
    /// Creates prompts from a composition and the header that describes it.
    pub fn new(composition: C, header: PromptHeader) -> Self {
        Self { composition, header, notes: Vec::new() }
    }

    /// Reads a prompt file, or that of a training run, into a custom composition.
    ///
    /// `make` creates the composition with the shapes that the header describes. Its values are
    /// then replaced by those of the file.
    ///
    /// # Errors
    ///
    /// - [`Error::Header`] and [`Error::Version`] for an invalid header.
    /// - Any error of `make`.
    /// - [`Error::DecoderLength`] when the composition doesn't have the header's number of vectors
    ///   for the decoder.
    /// - When the file cannot be read, is not a prompt file, or its tensors are not finite or not
    ///   those of the composition.
    pub fn read_as(path: &Path, make: impl FnOnce(&PromptHeader) -> Result<C>) -> Result<Self> {
        let path = &*prompt_file(path);
        let file = PromptFile::read(path)?;
        file.check_finite()?;
        let header = PromptHeader::from_file(&file, path)?;
        let composition = file.apply(make(&header)?)?;
        let (expected, found) = (header.decoder_length, composition.decoder_vectors().len());
        if expected != found {
            return Err(Error::DecoderLength { path: path.to_owned(), expected, found });
        }
        Ok(Self::new(composition, header))
    }

    /// Writes a prompt file atomically.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let header = serde_json::to_string(&self.header)
            .map_err(|error| Error::Header { path: path.to_owned(), problem: error.to_string() })?;
        PromptFile::from_module(&self.composition, header).write(path)
    }

    /// Returns the composition.
    pub fn composition(&self) -> &C {
        &self.composition
    }

    /// Returns the header.
    pub fn header(&self) -> &PromptHeader {
        &self.header
    }

    /// Returns remarks of the reader, which a program should show to its user.
    pub fn notes(&self) -> &[PromptNote] {
        &self.notes
    }

    /// Returns the tasks in the order of their indices.
    pub fn tasks(&self) -> &[PromptTask] {
        &self.header.tasks
    }

    /// Returns the index of the task with a name, or with an end of a name that no other task has.
    ///
    /// # Errors
    ///
    /// [`Error::TaskName`], which lists the available tasks.
    pub fn find(&self, name: &str) -> Result<TaskIndex> {
        let position = find_task(name, self.tasks().iter().map(|task| &task.name))?;
        Ok(TaskIndex::new(position))
    }

    /// Checks that the prompts have the width of a model.
    ///
    /// # Errors
    ///
    /// [`Error::Width`] if they don't.
    pub fn check_fits<B: Backbone>(&self, backbone: &B) -> Result<()> {
        Prompted::new(backbone, &self.composition).map(drop)
    }
}
