use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::task_parts::TaskParts;

/// Length and initial values of the prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PromptConfig {
    /// Number of vectors of the shared prompt, which is prepended to the encoder's input.
    ///
    /// Default: 20; range: 1 to 10,000.
    pub length: usize,
    /// Number of further vectors, which are prepended to the decoder's input, before its start
    /// token. They are composed, initialized and trained like the others.
    ///
    /// Default: 0; range: 0 to 10,000.
    #[serde(skip_serializing_if = "is_zero")]
    pub decoder_length: usize,
    /// Initial values, see [`InitializerConfig`].
    ///
    /// Default: `{ kind = "sampled_vocabulary" }`.
    pub initializer: InitializerConfig,
    /// Initial values of the components of an attention, in order, such as trained prompts of other
    /// tasks.
    ///
    /// Default: `initializer`, sampled for each; range: at most as many as there are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<InitializerConfig>,
    /// A prompt file to start from: shared parameters, and those of groups of the same name, are
    /// initialized from it.
    ///
    /// Range: same composition and lengths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_from: Option<PathBuf>,
    /// Initial values of task-specific parameters with `start_from`, see [`TaskParts`].
    ///
    /// Default: `"own"`.
    #[serde(skip_serializing_if = "TaskParts::is_default")]
    pub task_parts: TaskParts,
    /// Levels that are not trained: 0 is the root with the shared prompt; without a hierarchy, 1 is
    /// the tasks.
    ///
    /// Default: none; range: not all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frozen_levels: Vec<usize>,
}

impl Default for PromptConfig {
    fn default() -> Self {
        Self {
            length: 20,
            decoder_length: 0,
            initializer: InitializerConfig::default(),
            components: Vec::new(),
            start_from: None,
            task_parts: TaskParts::default(),
            frozen_levels: Vec::new(),
        }
    }
}

impl PromptConfig {
    /// Returns the number of vectors of the shared prompt, for the encoder and the decoder.
    pub fn shared_length(&self) -> usize {
        self.length + self.decoder_length
    }

    /// Makes relative paths relative to a directory.
    pub(crate) fn resolve_paths(&mut self, dir: &Path) {
        self.files_mut().for_each(|path| *path = dir.join(&*path));
    }

    /// Returns the files that prompts are initialized from.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let initializers = self.components.iter().chain([&self.initializer]);
        initializers.filter_map(InitializerConfig::file).chain(self.start_from.as_deref())
    }

    /// Clears the paths of files, for comparing configurations by the contents of the files.
    pub(crate) fn without_files(mut self) -> Self {
        self.files_mut().for_each(|path| *path = PathBuf::new());
        self
    }

    fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let initializers = self.components.iter_mut().chain([&mut self.initializer]);
        initializers.filter_map(InitializerConfig::file_mut).chain(&mut self.start_from)
    }
}

/// Initial values of prompts: `initializer = { kind = "text", text = "classify this" }`.
///
/// [`Initializer`](mtpt_core::Initializer) has the details.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum InitializerConfig {
    /// Values sampled uniformly from `[-range, range)`.
    RandomUniform {
        /// Maximum magnitude, 0.5 by default as in Lester et al. (2021), section 3.2.
        #[serde(default = "half")]
        range: f64,
    },
    /// Embeddings of tokens sampled from the first `population` of the vocabulary, or from all of
    /// it.
    SampledVocabulary {
        /// Number of tokens to sample from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        population: Option<usize>,
    },
    /// Embeddings of a text's tokens without the end-of-sequence token, repeated to the prompt's
    /// length.
    Text {
        /// The text.
        text: String,
    },
    /// Embeddings of the label words: of all tasks for a shared part, of one task for its part.
    ClassLabels {
        /// Number of tokens that vectors beyond the labels are sampled from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        population: Option<usize>,
    },
    /// Values of a prompt of `google-research/prompt-tuning` (`.npy`) or of a tensor in a
    /// safetensors file: 32-bit floats `[length, d_model]`, with the length of the prompt.
    File {
        /// The file, relative to the directory of the configuration.
        path: PathBuf,
        /// The tensor, if the file has several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tensor: Option<String>,
    },
    /// The prompt of one task of trained prompts, in any supported format, with the length of the
    /// prompt.
    Prompts {
        /// The prompt file or directory, relative to the directory of the configuration.
        path: PathBuf,
        /// The task, if there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
    },
}

impl InitializerConfig {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } | Self::Prompts { path, .. } => Some(path),
            _ => None,
        }
    }

    fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::File { path, .. } | Self::Prompts { path, .. } => Some(path),
            _ => None,
        }
    }
}

fn half() -> f64 {
    0.5
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

impl Default for InitializerConfig {
    fn default() -> Self {
        Self::SampledVocabulary { population: None }
    }
}
