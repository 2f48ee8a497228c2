use std::path::Path;

use burn::tensor::{Device, Tensor};
use mtpt_compose::{Composition, CompositionConfig, InitContext, ParameterCount};
use mtpt_tasks::{Labels, LabelsConfig, MaxLengths, Task, TaskId, TaskTree, Template};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::format_error::FormatError;
use crate::prompt_file::PromptFile;
use crate::tree::composed_tree;

/// Version of the header that this crate writes.
const VERSION: u32 = 1;

/// Maximum length of generated text for prompts whose training limit is unknown, in tokens.
const DEFAULT_MAX_TARGET_LENGTH: usize = 64;

/// Description of the prompts in a prompt file, stored as JSON in the file's metadata.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptHeader {
    /// Version of this header.
    pub version: u32,
    /// Composition of the prompts.
    pub composition: CompositionConfig,
    /// Number of vectors in the shared prompt that are prepended to the encoder's input.
    pub length: usize,
    /// Number of vectors after these that are prepended to the decoder's input, before its start
    /// token.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub decoder_length: usize,
    /// Width of the model.
    pub d_model: usize,
    /// Model that the prompts were trained for, as the run's configuration names it, or empty if
    /// unknown.
    pub model: String,
    /// Maximum input length during training in tokens, not counting the prompt, or 0 if unknown.
    pub max_input_length: usize,
    /// Maximum target length during training in tokens, or 0 if unknown.
    #[serde(default)]
    pub max_target_length: usize,
    /// Number of training steps that produced these values, or 0 if unknown.
    pub steps: usize,
    /// Tasks in the order of their indices.
    pub tasks: Vec<PromptTask>,
}

/// The part of a task's configuration that predictions need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptTask {
    /// Name of the task.
    pub name: TaskId,
    /// Input text with placeholders for fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Labels of the task. Without them, the task generates text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsConfig>,
}

impl PromptTask {
    /// Creates the entry for a task.
    pub fn new(task: &Task) -> Self {
        Self {
            name: task.id().clone(),
            template: Some(task.template().as_str().to_owned()),
            labels: task.config().labels.clone(),
        }
    }

    /// Creates the entry for a task whose template and labels are unknown.
    pub fn named(name: TaskId) -> Self {
        Self { name, template: None, labels: None }
    }

    /// Returns the labels, if they are known.
    ///
    /// # Errors
    ///
    /// When the labels are invalid, for example because two of them have the same word.
    pub fn labels(&self) -> Result<Option<Labels>> {
        Ok(match &self.labels {
            Some(labels) => Labels::of_config(labels)?,
            None => None,
        })
    }

    /// Returns the template, if it is known.
    ///
    /// # Errors
    ///
    /// When the template is malformed.
    pub fn template(&self) -> Result<Option<Template>> {
        Ok(self.template.as_deref().map(Template::new).transpose()?)
    }
}

impl PromptHeader {
    /// Creates a header of the current version for prompts of the encoder, whose model, length
    /// limits and steps are unknown.
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
            decoder_length: 0,
            d_model,
            model: String::new(),
            max_input_length: 0,
            max_target_length: 0,
            steps: 0,
            tasks,
        }
    }

    /// Creates the header of prompts without task names: the tasks become `task0`, `task1`, ...
    pub(crate) fn unnamed(
        composition: CompositionConfig,
        length: usize,
        d_model: usize,
        tasks: usize,
    ) -> Self {
        let task = |index: usize| {
            let name = TaskId::new(&format!("task{index}"))
                .expect("invariant: letters and digits form a valid name");
            PromptTask::named(name)
        };
        Self::new(composition, length, d_model, (0..tasks).map(task).collect())
    }

    /// Parses the header of a prompt file. The tensors are not checked.
    ///
    /// `path` is used in error messages only.
    ///
    /// # Errors
    ///
    /// [`Error::Header`] and [`Error::Version`].
    pub fn from_file(file: &PromptFile, path: &Path) -> Result<Self> {
        Self::parse(file.header().as_bytes(), path)
    }

    /// Parses a header from JSON. `path` is used in error messages only.
    pub(crate) fn parse(text: &[u8], path: &Path) -> Result<Self> {
        let header: Self =
            serde_json::from_slice(text).map_err(|error| Error::header(path, text, &error))?;
        if header.version != VERSION {
            let (path, found) = (path.to_owned(), header.version);
            return Err(Error::Version { path, expected: VERSION, found });
        }
        Ok(header)
    }

    /// Returns the maximum lengths of inputs and targets: those used in training, or no limit for
    /// inputs and 64 tokens for targets if unknown.
    pub fn max_lengths(&self) -> MaxLengths {
        let or = |length: usize, default| if length == 0 { default } else { length };
        MaxLengths {
            input: or(self.max_input_length, usize::MAX),
            target: or(self.max_target_length, DEFAULT_MAX_TARGET_LENGTH),
        }
    }

    /// Returns the maximum length of candidates: that of targets in training, or no limit if
    /// unknown, because a truncated candidate has another probability.
    pub fn max_candidate_length(&self) -> usize {
        if self.max_target_length == 0 { usize::MAX } else { self.max_target_length }
    }

    /// Returns the number of vectors in the shared prompt, for the encoder and the decoder.
    pub fn shared_length(&self) -> usize {
        self.length + self.decoder_length
    }

    /// Returns the number of trainable parameters, shared and task-specific.
    ///
    /// # Errors
    ///
    /// When the task names don't form a tree, or the composition is a custom one.
    pub fn parameter_count(&self) -> Result<ParameterCount> {
        let tree = TaskTree::new(self.tasks.iter().map(|task| &task.name))?;
        let tree = composed_tree(&tree)?;
        Ok(self.composition.parameter_count(self.shared_length(), self.d_model, &tree)?)
    }

    /// Returns the error that a format cannot represent these prompts. `format` completes the
    /// sentence "prompts cannot be exported ...".
    pub(crate) fn not_representable(&self, format: &'static str) -> Error {
        let tasks = self.tasks.iter().map(|task| task.name.clone()).collect();
        let strategy = self.composition.name();
        FormatError::NotRepresentable { strategy, format, tasks }.into()
    }

    /// Creates the composition that the header describes, with all parameters zero.
    pub(crate) fn zeros(&self, device: &Device) -> Result<Composition> {
        let plain = device.clone().without_autodiff();
        let zeros = |length| Tensor::zeros([length, self.d_model], &plain);
        let tree = TaskTree::new(self.tasks.iter().map(|task| &task.name))?;
        let context = InitContext {
            shared: zeros(self.shared_length()),
            tree: composed_tree(&tree)?,
            part: &|_, length| Ok(zeros(length)),
            seed: 0,
            device: device.clone(),
        };
        let composition = self.composition.init(&context)?;
        Ok(composition.with_decoder_vectors(self.length..self.shared_length()))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}
