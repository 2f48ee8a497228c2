use std::borrow::Cow;
use std::path::{Path, PathBuf};

use mtpt::burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt::core::{Frozen, TaskIndex, embed_prompted};
use mtpt::infer::Prompts;
use mtpt::t5::{T5, T5Tokenizer, locate};

use crate::args::Prompted;
use crate::device;
use crate::error::Result;
use crate::rows::Row;

/// A frozen model and its tokenizer.
pub(crate) struct Model {
    pub(crate) t5: Frozen<T5>,
    folder: PathBuf,
    /// `None` where the model comes without one: rows may have numbers in the place of texts.
    tokenizer: Option<T5Tokenizer>,
}

impl Model {
    pub(crate) fn load(model: &Path, device: &Device) -> Result<Self> {
        let folder = locate(model)?;
        let t5 = T5::load(&folder, device)?;
        let tokenizer = match T5Tokenizer::load(&folder, t5.config()) {
            Err(error) if error.is_missing_tokenizer() => None,
            tokenizer => Some(tokenizer?),
        };
        Ok(Self { t5: Frozen::new(t5), folder, tokenizer })
    }

    /// The tokenizer, or what is missing where there is none.
    pub(crate) fn tokenizer(&self) -> mtpt::t5::Result<Cow<'_, T5Tokenizer>> {
        match &self.tokenizer {
            Some(tokenizer) => Ok(Cow::Borrowed(tokenizer)),
            None => T5Tokenizer::load(&self.folder, self.t5.config()).map(Cow::Owned),
        }
    }
}

/// A model and the prompts that may stand in front of its inputs.
pub(crate) struct PromptedModel {
    pub(crate) model: Model,
    pub(crate) prompts: Option<Prompts>,
    /// The task of rows that name none.
    default: Option<TaskIndex>,
}

/// A row's tokens, and the task whose prompt stands in front of them.
pub(crate) struct PromptedRow {
    pub(crate) task: Option<TaskIndex>,
    pub(crate) input: Vec<u32>,
}

impl PromptedRow {
    /// What [`PromptedModel::inputs`] takes of a row.
    pub(crate) fn parts(&self) -> (Option<TaskIndex>, &[u32]) {
        (self.task, &self.input)
    }
}

/// Inputs on the device, ready for the encoder.
pub(crate) struct Inputs {
    pub(crate) embeddings: Tensor<3>,
    pub(crate) mask: Tensor<2, Bool>,
}

impl PromptedModel {
    pub(crate) fn load(arguments: &Prompted) -> Result<Self> {
        let device = device::open(&arguments.on.device)?;
        let prompts = arguments.prompts.as_deref();
        let task = arguments.task.as_deref();
        Self::new(&arguments.model, prompts, task, &device)
    }

    pub(crate) fn new(
        model: &Path,
        prompts: Option<&Path>,
        task: Option<&str>,
        device: &Device,
    ) -> Result<Self> {
        // Prompts come first: a wrong name of theirs is told before a large model is read.
        let prompts = prompts.map(|path| Prompts::read(path, device)).transpose()?;
        let default = match (&prompts, task) {
            (Some(prompts), Some(task)) => Some(prompts.find(task)?),
            (Some(prompts), None) if prompts.tasks().len() == 1 => Some(TaskIndex::new(0)),
            _ => None,
        };
        let model = Model::load(model, device)?;
        if let Some(prompts) = &prompts {
            prompts.check_fits(&model.t5)?;
        }
        Ok(Self { model, prompts, default })
    }

    /// The task of a row, by the name that it gives.
    ///
    /// # Errors
    ///
    /// A sentence, when the name is unknown or one is missing.
    pub(crate) fn task(&self, name: Option<&str>) -> Result<Option<TaskIndex>, String> {
        match (&self.prompts, name) {
            (None, None) => Ok(None),
            (None, Some(name)) => Err(format!(
                "the row names the task `{name}`, but there are no prompts: give `--prompts`"
            )),
            (Some(prompts), Some(name)) => {
                prompts.find(name).map(Some).map_err(|error| error.to_string())
            }
            (Some(_), None) => match self.default {
                Some(task) => Ok(Some(task)),
                None => Err("the row names no `task`, and neither does `--task`".into()),
            },
        }
    }

    /// The task of a row and the tokens of its `input` or `input_ids`.
    pub(crate) fn row(&self, row: &Row) -> Result<PromptedRow> {
        let task = self.task(row.text("task")?).map_err(|problem| row.refuse(problem))?;
        Ok(PromptedRow { task, input: self.tokens(row, "input")? })
    }

    /// The tokens under a key of a row.
    pub(crate) fn tokens(&self, row: &Row, key: &str) -> Result<Vec<u32>> {
        let vocab_size = self.model.t5.config().vocab_size;
        row.tokens(key, vocab_size, |text| self.model.tokenizer()?.encode(text))
    }

    /// Tokens with the prompts of their rows' tasks in front, if there are prompts.
    pub(crate) fn inputs<'a>(
        &self,
        rows: impl Iterator<Item = (Option<TaskIndex>, &'a [u32])>,
    ) -> Inputs {
        let t5 = &self.model.t5;
        let (tasks, ids): (Vec<_>, Vec<_>) = rows.unzip();
        let (ids, mask) = padded(&ids, t5.config().pad_token_id, &t5.device());
        // Rows have tasks exactly where there are prompts.
        let tasks: Vec<TaskIndex> = tasks.into_iter().flatten().collect();
        let composition = self.prompts.as_ref().map(Prompts::composition);
        let (embeddings, mask) = embed_prompted(t5, composition, &tasks, ids, mask);
        Inputs { embeddings, mask }
    }
}

/// Rows of tokens as one tensor, filled up to the longest, and where tokens stand.
fn padded(rows: &[&[u32]], pad: u32, device: &Device) -> (Tensor<2, Int>, Tensor<2, Bool>) {
    let length = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let shape = [rows.len(), length];
    let ids: Vec<i64> = rows
        .iter()
        .flat_map(|row| row.iter().copied().chain(std::iter::repeat(pad)).take(length))
        .map(i64::from)
        .collect();
    let mask: Vec<bool> =
        rows.iter().flat_map(|row| (0..length).map(|position| position < row.len())).collect();
    (
        Tensor::from_data(TensorData::new(ids, shape), device),
        Tensor::from_data(TensorData::new(mask, shape), device),
    )
}

/// A path in a configuration, beside the configuration's file if it is there; as it is otherwise, for it may be the id of
/// a model on the hub.
pub(crate) fn beside(config: &Path, path: &str) -> PathBuf {
    let near = config.parent().unwrap_or(Path::new("")).join(path);
    if near.exists() { near } else { PathBuf::from(path) }
}
