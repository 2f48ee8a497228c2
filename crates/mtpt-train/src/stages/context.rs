use std::rc::Rc;

use burn::tensor::Device;
use mtpt_compose::Composition;
use mtpt_core::{Backbone, TaskIndex};
use mtpt_infer::{TaskData, TaskTokenizer};
use mtpt_tasks::{Split, Task, TaskId, Tokenize};

use crate::config::run::RunConfig;
use crate::config::stages::StagedRunConfig;
use crate::error::Result;
use crate::init::initial::initial_composition;
use crate::stages::data_cache::DataCache;

/// Inputs shared by all runs of a pipeline.
#[derive(Debug)]
pub(crate) struct Context<'a, B, T> {
    pub(crate) config: &'a StagedRunConfig,
    pub(crate) tasks: &'a [Task],
    pub(crate) backbone: &'a B,
    pub(crate) tokenizer: &'a T,
    /// Examples shared with other pipelines.
    pub(crate) cache: Option<&'a DataCache>,
}

impl<B: Backbone, T: Tokenize> Context<'_, B, T> {
    /// Returns the model's device, without autodiff.
    pub(crate) fn device(&self) -> Device {
        self.backbone.device().without_autodiff()
    }

    /// Reads the training and `dev` examples of tasks.
    pub(crate) fn read(&self, tasks: &[Task], config: &RunConfig) -> Result<Rc<[TaskData]>> {
        let (owned, lengths) = (tasks.to_vec(), config.max_lengths());
        let read =
            || Ok(TaskData::read_for_training(owned, self.tokenizer, self.backbone, lengths)?);
        match self.cache {
            Some(cache) => cache.get_or_read(tasks, lengths, read),
            None => Ok(read()?.into()),
        }
    }

    /// Reads one split of tasks.
    pub(crate) fn read_split(
        &self,
        tasks: &[Task],
        split: Split,
        config: &RunConfig,
    ) -> Result<Vec<TaskData>> {
        (0..).zip(tasks).map(|(index, task)| self.read_task(index, task, split, config)).collect()
    }

    /// Reads one split of the task at a position of a run.
    pub(crate) fn read_task(
        &self,
        position: usize,
        task: &Task,
        split: Split,
        config: &RunConfig,
    ) -> Result<TaskData> {
        let (index, lengths) = (TaskIndex::new(position), config.max_lengths());
        let (tokenizer, backbone) = (self.tokenizer, self.backbone);
        let tokenizer = TaskTokenizer::new(tokenizer, backbone, lengths);
        Ok(tokenizer.read_splits(index, task.clone(), &[split])?)
    }

    /// Creates the composition of a run, on a device with autodiff.
    pub(crate) fn initial_composition(
        &self,
        config: &RunConfig,
        tasks: &[Task],
    ) -> Result<Composition> {
        let device = self.device().autodiff();
        initial_composition(config, tasks, self.backbone, self.tokenizer, &device)
    }
}

/// Finds a task by its name or an unambiguous end of it.
pub(crate) fn find_task<'a>(tasks: &'a [Task], name: &TaskId) -> Result<&'a Task> {
    let found = mtpt_tasks::task::find_task(name.as_str(), tasks.iter().map(Task::id));
    Ok(&tasks[found.map_err(mtpt_infer::Error::from)?])
}
