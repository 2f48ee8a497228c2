use std::path::Path;
use std::sync::Arc;

use mtpt_core::Frozen;
use mtpt_infer::{Answer, Input, PredictionTasks, Prompts, Query};
use mtpt_t5::T5;
use mtpt_tasks::{Example, SourceLocation};

use crate::device::device;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::tokenizer::ModelTokenizer;

/// Number of rows per batch.
const BATCH_SIZE: usize = 64;

/// A model and trained prompts that predict labels or text. It owns both.
///
/// [`Model::with`] combines a borrowed model with borrowed prompts instead, for several prompt
/// files of one model.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let nano = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/models/mtpt-nano");
/// # let rows = "{\"text\": \"it rained\", \"label\": \"wet\"}\n".to_owned() +
/// #     "{\"text\": \"the sun shone\", \"label\": \"dry\"}\n";
/// # std::fs::write(folder.path().join("rows.jsonl"), rows)?;
/// # std::fs::write(folder.path().join("run.toml"), format!("model = '{nano}'\n\
/// #     prompt = {{ length = 3 }}\ntraining = {{ steps = 1, batch_size = 2 }}\n[[tasks]]\n\
/// #     name = 'weather/sky'\nformat = 'json_lines'\ntrain = 'rows.jsonl'\ndev = 'rows.jsonl'\n\
/// #     template = 'sky: {{text}}'\nlabels = 'verbatim'"))?;
/// # let run = mtpt::RunFile::load(folder.path().join("run.toml"))?;
/// # let model = mtpt::Model::load(&run.model, &mtpt::device("flex")?)?;
/// # let file = folder.path().join("prompts.safetensors");
/// # run.train(&model)?.prompts.write(&file)?;
/// # std::env::set_current_dir(folder.path())?;
/// # let t5 = nano;
/// let predictor = mtpt::Predictor::open(t5, "prompts.safetensors", "auto")?;
/// let answer = predictor.predict("weather/sky", [("text", "it rained again")])?;
/// println!("{:?}, probability {:?}", answer.label(), answer.probability());
///
/// // Several rows at once. The end of the task's name suffices.
/// let rows = ["the sun shone again", "it rained"].map(|text| [("text", text)]);
/// let answers = predictor.predict_rows("sky", rows)?;
/// assert!(answers.iter().all(|answer| ["wet", "dry"].contains(&answer.as_str())));
///
/// let error = predictor.predict("sky", [("txt", "it rained")]).unwrap_err();
/// assert!(matches!(error, mtpt::Error::Row { row: 0, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Predictor {
    model: Model,
    prompts: Prompts,
    tasks: Arc<PredictionTasks>,
    max_input_length: Option<usize>,
}

impl Predictor {
    /// Loads a model and prompts onto a device.
    ///
    /// The paths are those of [`Model::load`] and [`Prompts::read`], the device is a name as in
    /// [`device`](fn@crate::device).
    ///
    /// # Errors
    ///
    /// [`Error::Device`] when the device isn't available, [`Error::Model`] when the model can't be
    /// loaded, and [`Error::Infer`] when the prompts can't be read or don't fit the model.
    pub fn open(
        model: impl AsRef<Path>,
        prompts: impl AsRef<Path>,
        device_name: &str,
    ) -> Result<Self> {
        let device = device(device_name)?;
        // Prompts are read first, so a mistyped path fails before a large model is loaded.
        let prompts = Prompts::read(prompts.as_ref(), &device)?;
        Self::new(Model::load(model, &device)?, prompts)
    }

    /// Combines a model with prompts, such as those that a training run returned.
    ///
    /// # Errors
    ///
    /// [`Error::Infer`] when the prompts don't fit the model.
    pub fn new(model: Model, prompts: Prompts) -> Result<Self> {
        let tasks = PredictionTasks::new(model.t5(), &prompts, model.tokenizer())?;
        let predictor = Self { model, prompts, tasks: Arc::new(tasks), max_input_length: None };
        predictor.borrowed()?;
        Ok(predictor)
    }

    /// Sets the maximum length of inputs in tokens; longer ones are truncated. The default is the
    /// length used in training, or that of the model.
    #[must_use]
    pub fn with_max_input_length(self, length: usize) -> Self {
        Self { max_input_length: Some(length), ..self }
    }

    /// Returns the model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Returns the prompts.
    pub fn prompts(&self) -> &Prompts {
        &self.prompts
    }

    /// Predicts an answer for a row of named texts, which fill the template of the task. If the
    /// task has no template, the field `input` is the complete input.
    ///
    /// # Errors
    ///
    /// [`Error::Row`] when the row lacks a field of the template or can't be tokenized, and
    /// [`Error::Infer`] for an unknown task and as
    /// [`mtpt_infer::Predictor::answer`].
    pub fn predict<N: Into<String>, V: Into<String>>(
        &self,
        task: &str,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Answer> {
        let mut answers = self.predict_rows(task, [fields])?;
        // One row has one answer.
        Ok(answers.pop().unwrap_or(Answer::Text { text: String::new() }))
    }

    /// Predicts an answer for each row, in the order of the rows, with far less computation per row
    /// than one at a time. Otherwise the same as [`predict`](Self::predict).
    ///
    /// # Errors
    ///
    /// As [`predict`](Self::predict).
    pub fn predict_rows<N: Into<String>, V: Into<String>, F: IntoIterator<Item = (N, V)>>(
        &self,
        task: &str,
        rows: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Answer>> {
        let (predictor, task) = (self.borrowed()?, self.prompts.find(task)?);
        let queries = rows.into_iter().enumerate().map(|(row, fields)| {
            let example = Example::new(fields, SourceLocation::new(Path::new("rows"), row + 1));
            let query = predictor.query(task, &example, Input::Fields);
            query.map_err(|source| Error::Row { row, source: Box::new(source) })
        });
        let queries = queries.collect::<Result<Vec<Query>>>()?;
        Ok(predictor.answer(&queries, BATCH_SIZE)?)
    }

    /// Returns a predictor that borrows the model and the prompts, which has more methods.
    ///
    /// # Errors
    ///
    /// Those of [`mtpt_infer::Predictor::with_tasks`], which [`new`](Self::new) has excluded.
    pub fn borrowed(&self) -> Result<mtpt_infer::Predictor<'_, Frozen<T5>, ModelTokenizer>> {
        let predictor = self.model.with_tasks(&self.prompts, Arc::clone(&self.tasks))?;
        Ok(match self.max_input_length {
            Some(length) => predictor.with_max_input_length(length),
            None => predictor,
        })
    }
}
