use std::borrow::Cow;

use mtpt_core::Backbone;
use mtpt_tasks::corpus::{Chunks, Corpus, CorpusError, CorpusTokens, SpecialTokens};
use mtpt_tasks::{MaxLengths, Mixture, Split, Task, TaskId, Tokenize, TokenizedExample};

use crate::config::pretraining::PretrainingConfig;
use crate::data::error::DataError;
use crate::error::Result;
use mtpt_infer::TaskData;

/// The tokenized data of continued pretraining: tasks, followed by corpora.
#[derive(Clone, Debug)]
pub struct PretrainingData {
    tasks: Vec<TaskData>,
    corpora: Vec<CorpusTokens>,
    names: Vec<TaskId>,
}

/// Reads and tokenizes the data of continued pretraining.
#[derive(Debug)]
pub struct PretrainingDataReader<'a, B, T> {
    backbone: &'a B,
    tokenizer: &'a T,
    sentinels: Vec<u32>,
    max_lengths: MaxLengths,
}

impl<B: Backbone, T: Tokenize> PretrainingDataReader<'_, B, T> {
    /// Sets the tokenizer's sentinels, the one for the first span first. The default is none, for
    /// tasks and corpora without span corruption.
    #[must_use]
    pub fn sentinels(self, sentinels: &[u32]) -> Self {
        Self { sentinels: sentinels.to_vec(), ..self }
    }

    /// Reads tasks and corpora.
    ///
    /// # Errors
    ///
    /// When there is neither a task nor a corpus, two have the same name, a task has no training
    /// split, data cannot be read, or the tokenizer returns a token outside the model's vocabulary.
    pub fn read(self, tasks: Vec<Task>, corpora: Vec<Corpus>) -> Result<PretrainingData> {
        let Self { backbone, tokenizer, sentinels, max_lengths } = self;
        let names: Vec<TaskId> =
            tasks.iter().map(Task::id).chain(corpora.iter().map(Corpus::id)).cloned().collect();
        if names.is_empty() {
            return Err(DataError::NothingToTrainOn.into());
        }
        if let Some((_, name)) =
            names.iter().enumerate().find(|(index, name)| names[..*index].contains(name))
        {
            return Err(
                mtpt_tasks::Error::from(CorpusError::NameTaken { name: name.clone() }).into()
            );
        }
        if let Some(task) = tasks.iter().find(|task| task.file(Split::Train).is_none()) {
            return Err(DataError::NoTrainingExamples { task: task.id().clone() }.into());
        }
        let special = SpecialTokens { end_of_sentence: backbone.eos_token_id(), sentinels };
        let corpora = corpora
            .into_iter()
            .map(|corpus| {
                let tokens = CorpusTokens::read(corpus, tokenizer, special.clone(), max_lengths)?;
                check_tokens(&tokens, &special, backbone.vocab_size())?;
                Ok(tokens)
            })
            .collect::<Result<_>>()?;
        let tasks = TaskData::read(tasks, tokenizer, backbone, max_lengths)?;
        Ok(PretrainingData { tasks, corpora, names })
    }
}

impl PretrainingData {
    /// Creates a reader for a model, its tokenizer and maximum lengths.
    pub fn reader<'a, B: Backbone, T: Tokenize>(
        backbone: &'a B,
        tokenizer: &'a T,
        max_lengths: MaxLengths,
    ) -> PretrainingDataReader<'a, B, T> {
        PretrainingDataReader { backbone, tokenizer, sentinels: Vec::new(), max_lengths }
    }

    /// Returns the tasks.
    pub fn tasks(&self) -> &[TaskData] {
        &self.tasks
    }

    /// Returns the corpora.
    pub fn corpora(&self) -> &[CorpusTokens] {
        &self.corpora
    }

    /// Returns the names of the tasks and corpora, by their positions in the run.
    pub fn names(&self) -> &[TaskId] {
        &self.names
    }

    /// Returns the mixture of tasks and corpora: each corpus has its weight, and the tasks share
    /// one that is divided by their sampling rates.
    ///
    /// # Errors
    ///
    /// When a sampling rate or weight is out of range, or a batch has fewer examples than tasks
    /// that may be sampled for it.
    pub fn mixture(&self, config: &PretrainingConfig) -> Result<Mixture> {
        if let Some(stochastic) = config.mixture.stochastic {
            stochastic.check_batch_size(config.training.batch_size)?;
        }
        let rows = self.tasks.iter().map(|task| task.count(Split::Train));
        let task_sizes: Vec<usize> = rows.collect();
        let chunks = |corpus: &CorpusTokens| corpus.chunks(Split::Train).map_or(0, Chunks::len);
        let mut weights = config.mixture.weights(&task_sizes)?;
        let sum: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight *= config.tasks_weight / sum;
        }
        weights.extend(self.corpora.iter().map(|corpus| corpus.corpus().weight()));
        let mut sizes = task_sizes;
        sizes.extend(self.corpora.iter().map(chunks));
        Ok(Mixture::weighted(&weights, &sizes, config.mixture.shuffle, config.seed)?
            .with_stochastic(config.mixture.stochastic)?)
    }

    /// Returns the examples of a step, counted from 0, each with its index in its task or that of
    /// its chunk in its corpus: a pure function of seed and step.
    pub(crate) fn rows(
        &self,
        mixture: &Mixture,
        config: &PretrainingConfig,
        step: usize,
    ) -> Result<Vec<(usize, Cow<'_, TokenizedExample>)>> {
        let (step, rows) = (step as u64, config.training.batch_size);
        let positions = step.wrapping_mul(rows as u64)..;
        mixture
            .batch(step, rows)
            .into_iter()
            .zip(positions)
            .map(|(pick, position)| {
                let row = match self.tasks.get(pick.task) {
                    Some(task) => task.row(Split::Train, pick.row)?,
                    None => {
                        let corpus = &self.corpora[pick.task - self.tasks.len()];
                        Cow::Owned(corpus.row(pick.task, pick.row, config.seed, position))
                    }
                };
                Ok((pick.row, row))
            })
            .collect()
    }

    /// Returns the `dev` examples of the task or corpus at a position in the run.
    pub(crate) fn dev_rows(&self, position: usize) -> Cow<'_, [TokenizedExample]> {
        match self.tasks.get(position) {
            Some(task) => Cow::Borrowed(task.rows(Split::Dev)),
            None => Cow::Owned(self.corpora[position - self.tasks.len()].dev_rows(position)),
        }
    }
}

fn check_tokens(tokens: &CorpusTokens, special: &SpecialTokens, vocab_size: usize) -> Result<()> {
    let chunks = [Split::Train, Split::Dev].into_iter().filter_map(|split| tokens.chunks(split));
    let mut all = chunks.flat_map(Chunks::tokens).chain(&special.sentinels);
    match all.find(|&&token| token as usize >= vocab_size) {
        Some(&token) => Err(mtpt_infer::Error::TokenBeyondVocabulary { token, vocab_size }.into()),
        None => Ok(()),
    }
}
