use mtpt_core::{Backbone, Compose, TaskIndex};
use mtpt_tasks::task::find_task;
use mtpt_tasks::{Labels, MaxLengths, TaskId, Template, Tokenize};

use crate::candidates::Candidates;
use crate::device_partition::max_row_length;
use crate::error::Result;
use crate::prompts::Prompts;

/// The tasks of prompts, prepared for predictions: parsed templates and tokenized label words.
#[derive(Debug)]
pub struct PredictionTasks {
    /// By task index.
    tasks: Vec<PredictionTask>,
    pub(crate) max_lengths: MaxLengths,
    pub(crate) max_candidate_length: usize,
    /// See [`max_row_length`].
    pub(crate) max_row_length: usize,
}

/// The part of a task that predictions need.
#[derive(Debug)]
pub(crate) struct PredictionTask {
    pub(crate) name: TaskId,
    pub(crate) template: Option<Template>,
    pub(crate) output: Output,
}

/// Source of a task's answers.
#[derive(Debug)]
pub(crate) enum Output {
    /// Label words, the same for all rows.
    Words(Labels, Candidates),
    /// Candidates in fields of each row.
    Choices(Labels),
    /// Generated text, which may name any number of labels.
    Text(Option<Labels>),
}

impl PredictionTasks {
    /// Prepares all tasks of the prompts for a model and its tokenizer.
    ///
    /// # Errors
    ///
    /// - [`Error::Tasks`](crate::Error::Tasks) when a template or labels in the header are invalid.
    /// - [`Error::Tokenize`](crate::Error::Tokenize) and
    ///   [`Error::SameTokens`](crate::Error::SameTokens) for unusable label words.
    pub fn new<C: Compose>(
        backbone: &impl Backbone,
        prompts: &Prompts<C>,
        tokenizer: &impl Tokenize,
    ) -> Result<Self> {
        let tasks = prompts.tasks().iter().map(|task| {
            let output = match task.labels()? {
                Some(labels) if labels.choice_fields().is_some() => Output::Choices(labels),
                Some(labels) if !labels.is_text() => {
                    let candidates = Candidates::new(&task.name, labels.words(), tokenizer)?;
                    Output::Words(labels, candidates)
                }
                labels => Output::Text(labels.filter(Labels::is_multi_label)),
            };
            Ok(PredictionTask { name: task.name.clone(), template: task.template()?, output })
        });
        Ok(Self {
            tasks: tasks.collect::<Result<_>>()?,
            max_lengths: prompts.header().max_lengths(),
            max_candidate_length: prompts.header().max_candidate_length(),
            max_row_length: max_row_length(backbone),
        })
    }

    /// Returns the index of the task with a name, or with an end of a name that no other task has.
    ///
    /// # Errors
    ///
    /// [`Error::TaskName`](crate::Error::TaskName), which lists the available tasks.
    pub fn find(&self, name: &str) -> Result<TaskIndex> {
        Ok(TaskIndex::new(find_task(name, self.tasks.iter().map(|task| &task.name))?))
    }

    pub(crate) fn get(&self, task: TaskIndex) -> &PredictionTask {
        &self.tasks[task.position()]
    }
}
