use std::path::{Path, PathBuf};

use mtpt::burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use mtpt::core::{Compose, Frozen, TaskIndex, prepend};
use mtpt::t5::{T5, T5Tokenizer, locate};
use mtpt::train::Prompts;

use crate::args::Prompted;
use crate::error::Result;

/// A frozen model and its tokenizer.
pub(crate) struct Model {
    pub(crate) t5: Frozen<T5>,
    pub(crate) tokenizer: T5Tokenizer,
}

impl Model {
    pub(crate) fn load(model: &Path, device: &Device) -> Result<Self> {
        let folder = locate(model)?;
        let t5 = T5::load(&folder, device)?;
        let tokenizer = T5Tokenizer::load(&folder, t5.config())?;
        Ok(Self { t5: Frozen::new(t5), tokenizer })
    }
}

/// A model and the prompts that may stand in front of its inputs.
pub(crate) struct PromptedModel {
    pub(crate) model: Model,
    pub(crate) prompts: Option<Prompts>,
    /// The task of rows that name none.
    default: Option<TaskIndex>,
}

/// Inputs on the device, ready for the encoder.
pub(crate) struct Inputs {
    pub(crate) embeddings: Tensor<3>,
    pub(crate) mask: Tensor<2, Bool>,
}

impl PromptedModel {
    pub(crate) fn load(arguments: &Prompted) -> Result<Self> {
        let device = mtpt::device(&arguments.on.device)?;
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
            prompts.check_fits(model.t5.get())?;
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

    /// Tokens with the prompts of their rows' tasks in front, if there are prompts.
    pub(crate) fn inputs(&self, rows: &[&[u32]], tasks: &[Option<TaskIndex>]) -> Inputs {
        let t5 = &self.model.t5;
        let (ids, mask) = padded(rows, t5.config().pad_token_id, &t5.device());
        let embeddings = t5.embed(ids);
        let tasks: Option<Vec<TaskIndex>> = tasks.iter().copied().collect();
        match (&self.prompts, tasks) {
            (Some(prompts), Some(tasks)) => {
                let prompts = prompts.composition().compose_rows(&tasks);
                let (embeddings, mask) = prepend(prompts, embeddings, mask);
                Inputs { embeddings, mask }
            }
            _ => Inputs { embeddings, mask },
        }
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
