use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use mtpt_compose::{Composition, CompositionConfig, InitContext, ParameterCount, SeparateConfig};
use mtpt_core::{Backbone, Compose, TaskIndex, load_parameters, named_parameters};
use mtpt_tasks::{Labels, LabelsConfig, Task, TaskId, TaskTree, Template};
use serde::{Deserialize, Serialize};

use crate::arrays;
use crate::arrays::ArrayComposition;
use crate::error::{Error, Result};
use crate::evaluate::check_width;
use crate::format::PromptFormat;
use crate::prompt_file::PromptFile;
use crate::tree::composed_tree;

/// Version of the header that [`Prompts::write`] writes.
const VERSION: u32 = 1;

/// Learned prompts and what is needed to use them: how they are composed, and the tasks that they are for.
#[derive(Clone, Debug)]
pub struct Prompts<C = Composition> {
    composition: C,
    header: PromptHeader,
}

/// What a prompt file says of itself, as JSON in its metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptHeader {
    /// Version of this header.
    pub version: u32,
    /// How the prompts are composed.
    pub composition: CompositionConfig,
    /// Vectors of the shared prompt.
    pub length: usize,
    /// Width of the model.
    pub d_model: usize,
    /// The model that the prompts were learned for, as the run's configuration named it; empty where it is not known.
    pub model: String,
    /// Longest input that they were learned with, in tokens, the prompt not counted; 0 where it is not known.
    pub max_input_length: usize,
    /// Longest target that they were learned with, in tokens; 0 where it is not known.
    #[serde(default)]
    pub max_target_length: usize,
    /// Steps of training before these values; 0 where it is not known.
    pub steps: usize,
    /// The tasks, in the order of their positions.
    pub tasks: Vec<PromptTask>,
}

/// A task without its data: enough to make its inputs and to read its answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptTask {
    /// The task's name.
    pub name: TaskId,
    /// Input text with placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// What its labels mean; without them, its answers are free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsConfig>,
}

impl PromptTask {
    /// What a prompt file keeps of a task.
    pub fn new(task: &Task) -> Self {
        Self {
            name: task.id().clone(),
            template: Some(task.template().as_str().to_owned()),
            labels: task.config().labels.clone(),
        }
    }

    /// The labels, if they are known.
    ///
    /// # Errors
    ///
    /// When the labels cannot be told apart.
    pub fn labels(&self) -> Result<Option<Labels>> {
        Ok(match &self.labels {
            Some(labels) => Labels::of_config(labels)?,
            None => None,
        })
    }

    /// The template, if one is known.
    ///
    /// # Errors
    ///
    /// When it is malformed.
    pub fn template(&self) -> Result<Option<Template>> {
        Ok(self.template.as_deref().map(Template::new).transpose()?)
    }
}

impl Prompts {
    /// Reads prompts onto a device: a prompt file, or what another program wrote in a [`PromptFormat`], whose tasks then are
    /// `task0`, `task1`, ... unless names stand beside them.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, is not a prompt file of this version ([`Error::Header`], [`Error::Version`]), or its
    /// tensors are not those that its header tells of; those of [`PromptFormat::read`] for other formats.
    pub fn read(path: &Path, device: &Device) -> Result<Self> {
        if let Some(format) = PromptFormat::of(path)? {
            return format.read(path, device);
        }
        Self::read_as(path, |header| header.composition(device))
    }

    /// Reads the arrays of a shared prompt and of the parts of all tasks from a folder, of numpy's files or a checkpoint of
    /// T5X, composed as told.
    ///
    /// # Errors
    ///
    /// When a file is missing or malformed, or the shapes of the arrays do not fit together ([`Error::PromptArray`]).
    pub fn read_arrays(
        folder: &Path,
        composition: ArrayComposition,
        device: &Device,
    ) -> Result<Self> {
        #[cfg(feature = "t5x")]
        if mtpt_io::t5x::Checkpoint::is_at(folder) {
            return crate::t5x::read(folder, Some(composition), device);
        }
        arrays::read(folder, Some(composition), device)
    }

    /// Prompts of these parameters, by their names in a prompt file.
    ///
    /// # Errors
    ///
    /// When they are not those that the header tells of.
    pub(crate) fn from_tensors(
        tensors: BTreeMap<String, TensorData>,
        header: PromptHeader,
        device: &Device,
    ) -> Result<Self> {
        let composition = load_parameters(header.composition(device)?, tensors)?;
        Ok(Self { composition, header })
    }

    /// The tensors by the paths of their parameters, as a prompt file has them.
    pub fn tensors(&self) -> BTreeMap<String, TensorData> {
        named_parameters(&self.composition)
    }

    /// The same prompts for tasks of other names, templates and labels, in the order of their positions.
    ///
    /// # Errors
    ///
    /// [`Error::TaskCount`] for more or fewer tasks than there are; when two have one name or a task is the group of another;
    /// when prompts with parts for groups would have others.
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
            return Err(Error::OtherTree);
        }
        // Made anew, so that names are checked as those of a file are.
        let device = self.composition.devices().into_iter().next().unwrap_or_default();
        Self::from_tensors(self.tensors(), PromptHeader { tasks, ..self.header }, &device)
    }

    /// The same prompts, said to have been learned for a model.
    #[must_use]
    pub fn with_model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.header.model);
        self
    }

    /// The prompt of one task alone, composed once and for all.
    ///
    /// # Errors
    ///
    /// [`mtpt_compose::Error::ReadsInputs`] for prompts that depend on the inputs.
    ///
    /// # Panics
    ///
    /// When the task is not below the number of tasks.
    pub fn one_task(&self, task: TaskIndex) -> Result<Self> {
        let composition = self.composition.to_separate(&[task])?;
        let header = PromptHeader {
            composition: CompositionConfig::Separate(SeparateConfig::default()),
            length: composition.prompt_length(),
            tasks: vec![self.tasks()[task.position()].clone()],
            ..self.header.clone()
        };
        Ok(Self { composition, header })
    }
}

impl<C: Compose> Prompts<C> {
    /// Prompts under a header.
    pub fn new(composition: C, header: PromptHeader) -> Self {
        Self { composition, header }
    }

    /// Reads a prompt file into a composition of one's own, which is made with the shapes that the header tells of; its values
    /// are those of the file then.
    ///
    /// # Errors
    ///
    /// As [`read`](Prompts::read), and what the function returns.
    pub fn read_as(path: &Path, make: impl FnOnce(&PromptHeader) -> Result<C>) -> Result<Self> {
        let file = PromptFile::read(path)?;
        file.check_finite()?;
        let header = PromptHeader::of_file(&file, path)?;
        let composition = file.apply(make(&header)?)?;
        Ok(Self { composition, header })
    }

    /// Writes the prompt file, whole or not at all.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let header = serde_json::to_string(&self.header)
            .map_err(|source| Error::Header { path: path.to_owned(), source })?;
        Ok(PromptFile::from_module(&self.composition, header).write(path)?)
    }

    /// The composition.
    pub fn composition(&self) -> &C {
        &self.composition
    }

    /// What the file says of itself.
    pub fn header(&self) -> &PromptHeader {
        &self.header
    }

    /// The tasks, in the order of their positions.
    pub fn tasks(&self) -> &[PromptTask] {
        &self.header.tasks
    }

    /// The position of a task.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownTask`], which lists the tasks that there are.
    pub fn find(&self, name: &str) -> Result<TaskIndex> {
        let position = self.tasks().iter().position(|task| task.name.as_str() == name);
        position.map(TaskIndex::new).ok_or_else(|| Error::UnknownTask {
            found: name.to_owned(),
            known: self.tasks().iter().map(|task| task.name.clone()).collect(),
        })
    }

    /// Checks that the prompts can stand in front of a model's embeddings.
    ///
    /// # Errors
    ///
    /// [`Error::Width`], when they are wider or narrower.
    pub fn check_fits<B: Backbone>(&self, backbone: &B) -> Result<()> {
        check_width(backbone, &self.composition)
    }
}

impl PromptHeader {
    /// The header of a prompt file that was read, which need not be usable otherwise; the path is for messages.
    ///
    /// # Errors
    ///
    /// [`Error::Header`] and [`Error::Version`].
    pub fn of_file(file: &PromptFile, path: &Path) -> Result<Self> {
        Self::parse(file.header().as_bytes(), path)
    }

    /// Reads a header from JSON; the path is for messages.
    pub(crate) fn parse(text: &[u8], path: &Path) -> Result<Self> {
        let header: Self = serde_json::from_slice(text)
            .map_err(|source| Error::Header { path: path.to_owned(), source })?;
        if header.version != VERSION {
            let (path, found) = (path.to_owned(), header.version);
            return Err(Error::Version { path, expected: VERSION, found });
        }
        Ok(header)
    }

    /// The header of prompts whose tasks have no names: they are `task0`, `task1`, ...
    pub(crate) fn unnamed(
        composition: CompositionConfig,
        length: usize,
        d_model: usize,
        tasks: usize,
    ) -> Self {
        let task = |position: usize| {
            let name = TaskId::new(&format!("task{position}"))
                .expect("invariant: letters and digits are a name");
            PromptTask { name, template: None, labels: None }
        };
        Self::new(composition, length, d_model, (0..tasks).map(task).collect())
    }

    /// A composition of the shapes that the header tells of, without values.
    fn composition(&self, device: &Device) -> Result<Composition> {
        let plain = device.clone().without_autodiff();
        let zeros = |length| Tensor::zeros([length, self.d_model], &plain);
        let tree = TaskTree::new(self.tasks.iter().map(|task| &task.name))?;
        let start = InitContext {
            shared: zeros(self.length),
            tree: composed_tree(&tree)?,
            part: &|_, length| Ok(zeros(length)),
            seed: 0,
            device: device.clone(),
        };
        Ok(self.composition.init(&start)?)
    }

    /// Number of trained numbers, those that tasks share and their own.
    ///
    /// # Errors
    ///
    /// When the names of the tasks make no tree, or nothing is known of the composition.
    pub fn parameter_count(&self) -> Result<ParameterCount> {
        let tree = TaskTree::new(self.tasks.iter().map(|task| &task.name))?;
        let tree = composed_tree(&tree)?;
        Ok(self.composition.parameter_count(self.length, self.d_model, &tree)?)
    }

    /// Longest input that the prompts were learned with, in tokens; `usize::MAX` where it is not known.
    pub fn longest_input(&self) -> usize {
        match self.max_input_length {
            0 => usize::MAX,
            length => length,
        }
    }

    /// Longest text to be written for free-text labels, in tokens: that of the targets that the prompts were learned with; 64
    /// where it is not known.
    pub fn longest_target(&self) -> usize {
        match self.max_target_length {
            0 => 64,
            length => length,
        }
    }

    /// The header of this version, with nothing said of the model and the training.
    pub fn new(
        composition: CompositionConfig,
        length: usize,
        d_model: usize,
        tasks: Vec<PromptTask>,
    ) -> Self {
        Self {
            version: VERSION,
            composition,
            length,
            d_model,
            model: String::new(),
            max_input_length: 0,
            max_target_length: 0,
            steps: 0,
            tasks,
        }
    }
}
