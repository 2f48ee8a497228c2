use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use mtpt_core::{Frozen, WeightFormat};
use mtpt_infer::{PredictionTasks, Predictor, Prompts};
use mtpt_t5::{T5, locate, max_input_length};

use crate::error::Result;
use crate::tokenizer::ModelTokenizer;

/// Returns the path of a model that a configuration file names: relative to the folder of the file
/// if it exists there, unchanged otherwise, because it may be the id of a model on the hub.
pub fn resolve_model(config: &Path, model: &str) -> PathBuf {
    let next_to_file = config.parent().unwrap_or(Path::new("")).join(model);
    if next_to_file.exists() { next_to_file } else { PathBuf::from(model) }
}

/// A frozen T5 with its tokenizer.
#[derive(Debug)]
pub struct Model {
    path: PathBuf,
    t5: Frozen<T5>,
    tokenizer: ModelTokenizer,
}

impl Model {
    /// Loads a model onto a device.
    ///
    /// The path is a folder in Hugging Face form, a T5X checkpoint (feature `t5x`), or the id of a
    /// model on the hub (feature `hub`).
    ///
    /// # Errors
    ///
    /// [`Error::Model`](crate::Error::Model) when there is no T5 or no tokenizer at the path, or a
    /// file of it is invalid.
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Self::load_as(path, WeightFormat::F32, device)
    }

    /// Loads a model like [`load`](Self::load), with weights in the given format.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load); also when the device doesn't compute in the format.
    pub fn load_as(path: impl AsRef<Path>, weights: WeightFormat, device: &Device) -> Result<Self> {
        let path = locate(path.as_ref())?;
        let t5 = T5::load_as(&path, weights, device)?;
        let tokenizer = ModelTokenizer::load(&path, t5.config())?;
        Ok(Self { path, t5: Frozen::new(t5), tokenizer })
    }

    /// Returns the folder that the model was loaded from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the frozen weights.
    pub fn t5(&self) -> &Frozen<T5> {
        &self.t5
    }

    /// Returns the tokenizer.
    pub fn tokenizer(&self) -> &ModelTokenizer {
        &self.tokenizer
    }

    /// Combines the model with trained prompts, to predict with their tasks.
    ///
    /// Inputs are truncated to the maximum length used in training. If the prompts don't record it,
    /// this is the [maximum length of the model](mtpt_t5::max_input_length).
    ///
    /// # Errors
    ///
    /// [`Error::Infer`](crate::Error::Infer) when the prompts don't have the width of the model, or
    /// two label words of a task have the same tokens.
    pub fn with<'a>(
        &'a self,
        prompts: &'a Prompts,
    ) -> Result<Predictor<'a, Frozen<T5>, ModelTokenizer>> {
        let tasks = PredictionTasks::new(&self.t5, prompts, &self.tokenizer)?;
        self.with_tasks(prompts, Arc::new(tasks))
    }

    /// Combines the model with prompts whose tasks were prepared before.
    pub(crate) fn with_tasks<'a>(
        &'a self,
        prompts: &'a Prompts,
        tasks: Arc<PredictionTasks>,
    ) -> Result<Predictor<'a, Frozen<T5>, ModelTokenizer>> {
        let predictor = Predictor::with_tasks(&self.t5, prompts, &self.tokenizer, tasks)?;
        Ok(if prompts.header().max_input_length == 0 {
            predictor.with_max_input_length(max_input_length(&self.path))
        } else {
            predictor
        })
    }
}
