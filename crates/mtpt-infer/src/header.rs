use std::path::Path;

use burn::tensor::Device;
use mtpt_compose::{Composition, CompositionConfig, Error as CompositionError, ParameterCount};
use mtpt_core::WeightFormat;
use mtpt_tasks::{Labels, LabelsConfig, MaxLengths, Task, TaskId, TaskTree, Template};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::format_error::FormatError;
use crate::prompt_file::PromptFile;
use crate::tree::composed_tree;

/// Version of the header that this crate writes.
const VERSION: u32 = 1;

/// Number of values by which a header may exceed the tensors of its file before it is rejected as a
/// whole. The composition of so few is quickly built, and the error then names the first tensor
/// that doesn't match.
const MAX_MISSING_VALUES: usize = 1 << 20;

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
    #[serde(default, skip_serializing_if = "is_default")]
    pub decoder_length: usize,
    /// Width of the model.
    pub d_model: usize,
    /// Model that the prompts were trained for, as the run's configuration names it, or empty if
    /// unknown.
    pub model: String,
    /// Format of the model's weights during training.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weights: WeightFormat,
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
            weights: WeightFormat::default(),
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

    /// Parses the header of a prompt file.
    ///
    /// The tensors are not compared one by one, but must be about as large as the header claims,
    /// so that a composition for them can be allocated. `path` is used in error messages only.
    ///
    /// # Errors
    ///
    /// [`Error::Header`], [`Error::Version`] and [`Error::ClaimedSize`].
    pub fn from_file(file: &PromptFile, path: &Path) -> Result<Self> {
        let header = Self::parse(file.header().as_bytes(), path)?;
        let tensors = file.tensors().values();
        let found: usize = tensors.map(|data| data.num_elements()).sum();
        let claimed = match header.parameter_count() {
            Ok(count) => count.total(),
            // Only the program that defines it can count or create it.
            Err(Error::Composition(CompositionError::CustomStrategy { .. })) => 0,
            Err(error) => return Err(Error::header_problem(path, &error.to_string())),
        };
        if claimed > found.saturating_add(MAX_MISSING_VALUES) {
            return Err(Error::ClaimedSize {
                path: path.to_owned(),
                shape: [header.shared_length(), header.d_model],
                strategy: header.composition.name(),
                tasks: header.tasks.len(),
                claimed,
                found,
            });
        }
        Ok(header)
    }

    /// Parses a header from JSON. `path` is used in error messages only.
    pub(crate) fn parse(text: &[u8], path: &Path) -> Result<Self> {
        let refused = |error| Error::header(path, text, &error);
        // From an array, serde would fill the fields in their order.
        let is_object = |value: &Value| value.is_object();
        let value: Value = serde_json::from_slice(text).map_err(refused)?;
        let tasks = value.get("tasks").and_then(Value::as_array);
        if !is_object(&value) || !tasks.is_none_or(|tasks| tasks.iter().all(is_object)) {
            return Err(Error::header_problem(path, "expected a JSON object"));
        }
        let header: Self = serde_json::from_slice(text).map_err(refused)?;
        if header.version != VERSION {
            let (path, found) = (path.to_owned(), header.version);
            return Err(Error::Version { path, expected: VERSION, found });
        }
        if header.tasks.is_empty() {
            return Err(Error::header_problem(path, "`tasks` must have at least one task"));
        }
        let sizes = [("length", header.length), ("d_model", header.d_model)];
        if let Some((key, _)) = sizes.into_iter().find(|&(_, size)| size == 0) {
            let problem = format!("`{key}` must be at least 1, but is 0");
            return Err(Error::header_problem(path, &problem));
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
        self.length.saturating_add(self.decoder_length)
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
        let tree = TaskTree::new(self.tasks.iter().map(|task| &task.name))?;
        let dims = [self.shared_length(), self.d_model];
        let composition = self.composition.zeros(dims, &composed_tree(&tree)?, device)?;
        Ok(composition.with_decoder_vectors(self.length..self.shared_length()))
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
