use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use mtpt_compose::{Composition, CompositionConfig, Start};
use mtpt_core::{Backbone, Compose, PromptFile, TaskIndex};
use mtpt_tasks::{Labels, LabelsConfig, Task, TaskId, TaskTree, Template};
use serde::{Deserialize, Serialize};

use crate::composed_tree::composed_tree;
use crate::evaluate::{check_width, index};
use crate::{Error, Result, peft_adapter};

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
    /// Reads prompts onto a device: a prompt file, or the folder of a PEFT adapter of type `PROMPT_TUNING` or
    /// `MULTITASK_PROMPT_TUNING`, whose tasks then are `task0`, `task1`, ...
    ///
    /// # Errors
    ///
    /// When a file cannot be read, is not a prompt file of this version ([`Error::Header`], [`Error::Version`]), or its
    /// tensors are not those that its header tells of; [`Error::Adapter`] when an adapter is of another type or has prompts
    /// for the decoder.
    pub fn read(path: &Path, device: &Device) -> Result<Self> {
        if path.is_dir() {
            return peft_adapter::read(path, device);
        }
        Self::read_as(path, |header| header.composition(device))
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
        let file = PromptFile::from_tensors(tensors, String::new());
        let composition = file.apply(header.composition(device)?)?;
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
        let header: PromptHeader = serde_json::from_str(file.header())
            .map_err(|source| Error::Header { path: path.to_owned(), source })?;
        if header.version != VERSION {
            let (path, found) = (path.to_owned(), header.version);
            return Err(Error::Version { path, expected: VERSION, found });
        }
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
        position.map(index).ok_or_else(|| Error::UnknownTask {
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
    /// A composition of the shapes that the header tells of, without values.
    fn composition(&self, device: &Device) -> Result<Composition> {
        let plain = device.clone().without_autodiff();
        let zeros = |length| Tensor::zeros([length, self.d_model], &plain);
        let tree = TaskTree::new(self.tasks.iter().map(|task| &task.name))?;
        let start = Start {
            shared: zeros(self.length),
            tree: composed_tree(&tree)?,
            part: &|_, length| Ok(zeros(length)),
            seed: 0,
            device: device.clone(),
        };
        Ok(self.composition.init(&start)?)
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
