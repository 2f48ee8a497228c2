use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mtpt_core::{Backbone, Frozen};
use mtpt_infer::TaskData;
use mtpt_io::fs;
use mtpt_t5::T5;
use mtpt_tasks::{Task, TaskFile};
use mtpt_train::{
    Observer, Pipeline, PromptTuningRun, StagedRunConfig, Trained, initial_composition,
};

use crate::error::{Error, Result};
use crate::model::{Model, resolve_model};
use crate::tokenizer::ModelTokenizer;

/// A run file: the model, the tasks and the settings of a training run, read from TOML.
///
/// The keys are described in the configuration reference of the book.
#[derive(Clone, Debug)]
pub struct RunFile {
    /// The model: a path next to the run file if there is one, else as written in the file, which
    /// may be the id of a model on the hub.
    pub model: PathBuf,
    /// The settings of the run and of its stages.
    pub config: StagedRunConfig,
    /// The tasks, in the order of the file.
    pub tasks: Vec<Task>,
    path: PathBuf,
}

impl RunFile {
    /// Reads and checks a run file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the file can't be read, and those of [`parse`](Self::parse).
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::parse(&fs::read_to_string(path)?, path)
    }

    /// Checks the text of a run file. Relative paths in it start at the folder of `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Train`] for invalid settings, and [`Error::Tasks`] for invalid tasks.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let config = StagedRunConfig::parse(text, path)?;
        let tasks = TaskFile::parse(text, path)?.into_tasks();
        let model = resolve_model(path, &config.run.model);
        Ok(Self { model, config, tasks, path: path.to_owned() })
    }

    /// Loads the model of the file, with weights in the format of the file.
    ///
    /// # Errors
    ///
    /// Those of [`Model::load_as`].
    pub fn load_model(&self, device: &Device) -> Result<Model> {
        Model::load_as(&self.model, self.config.run.backbone.weights, device)
    }

    /// Trains prompts for the tasks and returns the best ones. Nothing is written.
    ///
    /// # Errors
    ///
    /// As [`Training::run`].
    pub fn train(&self, model: &Model) -> Result<Trained> {
        self.training(model).run()
    }

    /// Prepares a training run with more options than [`train`](Self::train): a folder to write to,
    /// resuming, and an observer.
    pub fn training<'a>(&'a self, model: &'a Model) -> Training<'a> {
        Training { run: self, model, output: None, resume: false, observer: () }
    }

    /// Prepares all stages of the file: teachers, distillation, the run and adaptation.
    ///
    /// # Errors
    ///
    /// [`Error::Train`] when the settings of the stages contradict each other or the tasks.
    pub fn pipeline<'a>(
        &'a self,
        model: &'a Model,
    ) -> Result<Pipeline<'a, Frozen<T5>, ModelTokenizer>> {
        let tokenizer = model.tokenizer();
        Ok(Pipeline::new(&self.config, &self.tasks, model.t5(), tokenizer)?)
    }
}

/// A training run of a [`RunFile`].
#[derive(Debug)]
pub struct Training<'a, L = ()> {
    run: &'a RunFile,
    model: &'a Model,
    output: Option<PathBuf>,
    resume: bool,
    observer: L,
}

impl<'a, L: Observer> Training<'a, L> {
    /// Sets the folder for the prompts, metrics and checkpoints. It is created if it doesn't exist.
    #[must_use]
    pub fn output(self, folder: impl AsRef<Path>) -> Self {
        Self { output: Some(folder.as_ref().to_owned()), ..self }
    }

    /// Sets whether to resume from the newest checkpoint in the output folder, if there is one.
    #[must_use]
    pub fn resume(self, resume: bool) -> Self {
        Self { resume, ..self }
    }

    /// Sets the observer that steps and evaluations are reported to.
    #[must_use]
    pub fn observer<N: Observer>(self, observer: N) -> Training<'a, N> {
        let Self { run, model, output, resume, .. } = self;
        Training { run, model, output, resume, observer }
    }

    /// Trains the prompts and returns the best ones.
    ///
    /// # Errors
    ///
    /// [`Error::Staged`] when the file has stages; [`Error::Infer`] when the data can't be read or
    /// does not fit the model; [`Error::Train`] when training fails or the observer stops it.
    pub fn run(self) -> Result<Trained> {
        let RunFile { config, tasks, path, .. } = self.run;
        if config.first_stage().is_some() {
            return Err(Error::Staged { path: path.clone() });
        }
        let (config, t5) = (&config.run, self.model.t5());
        let tokenizer = self.model.tokenizer();
        let device = t5.device().autodiff();
        let start = initial_composition(config, tasks, t5, tokenizer, &device)?;
        let lengths = config.max_lengths();
        let data = TaskData::read_for_training(tasks.clone(), tokenizer, t5, lengths)?;
        let mut run = PromptTuningRun::new(config, &data, t5).resume(self.resume);
        if let Some(folder) = self.output {
            run = run.output(folder);
        }
        Ok(run.observer(self.observer).train(start)?)
    }
}
