use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use mtpt_core::{Backbone, TaskIndex};
use mtpt_tasks::{
    Detokenize, Evaluation, ExamplesOnDisk, Gold, MajorityBaseline, MaxLengths, Prediction, Split,
    Task, Tokenize, TokenizedExample,
};

use crate::candidates::Candidates;
use crate::error::{Error, Result};

/// A task with its rows as tokens.
#[derive(Clone)]
pub struct TaskData {
    task: Task,
    candidates: Candidates,
    splits: [SplitData; 3],
    /// The training split, where the task streams it.
    streamed: Option<Arc<ExamplesOnDisk>>,
    /// Turns what a model writes into text, where labels are free text.
    detokenizer: Option<Arc<dyn Detokenize + Send + Sync>>,
    max_lengths: MaxLengths,
}

/// The rows of a split, and what belongs to each.
#[derive(Clone, Debug, Default)]
struct SplitData {
    rows: Vec<TokenizedExample>,
    /// Texts that are right, where labels are free text.
    references: Vec<Vec<String>>,
    /// The row's own candidates, where rows have such.
    choices: Vec<Candidates>,
    /// Groups, where a metric judges them.
    groups: Vec<String>,
}

impl fmt::Debug for TaskData {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TaskData")
            .field("task", &self.task)
            .field("splits", &self.splits)
            .finish_non_exhaustive()
    }
}

impl TaskData {
    /// Reads all splits of tasks and turns them into tokens; a task's position is its place in the list.
    ///
    /// # Errors
    ///
    /// When data cannot be read, a row does not fit its task, label words cannot be told apart by their tokens
    /// ([`Error::SameTokens`]), the tokenizer gives a token that the model lacks ([`Error::TokenBeyondVocabulary`]), or labels
    /// are free text and the tokenizer cannot turn tokens back into text ([`Error::NoDetokenizer`]).
    pub fn read<B: Backbone>(
        tasks: Vec<Task>,
        tokenizer: &impl Tokenize,
        backbone: &B,
        max_lengths: MaxLengths,
    ) -> Result<Vec<Self>> {
        Self::read_all(tasks, &Split::ALL, tokenizer, backbone, max_lengths)
    }

    /// The same without the rows of `test`, which training has no business with.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_for_training<B: Backbone>(
        tasks: Vec<Task>,
        tokenizer: &impl Tokenize,
        backbone: &B,
        max_lengths: MaxLengths,
    ) -> Result<Vec<Self>> {
        Self::read_all(tasks, &[Split::Train, Split::Dev], tokenizer, backbone, max_lengths)
    }

    fn read_all<B: Backbone>(
        tasks: Vec<Task>,
        splits: &[Split],
        tokenizer: &impl Tokenize,
        backbone: &B,
        max_lengths: MaxLengths,
    ) -> Result<Vec<Self>> {
        (0..)
            .map(TaskIndex::new)
            .zip(tasks)
            .map(|(index, task)| {
                Self::read_splits(index, task, splits, tokenizer, backbone, max_lengths)
            })
            .collect()
    }

    /// Reads some splits of one task, whose position is given: those that the task lacks have no rows.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_splits<B: Backbone>(
        index: TaskIndex,
        task: Task,
        splits: &[Split],
        tokenizer: &impl Tokenize,
        backbone: &B,
        max_lengths: MaxLengths,
    ) -> Result<Self> {
        let labels = task.labels();
        let words = if labels.choice_fields().is_some() { &[] } else { labels.words() };
        let candidates = Candidates::new(task.id(), words, tokenizer)?;
        let detokenizer = if labels.is_text() {
            Some(
                tokenizer
                    .detokenizer()
                    .ok_or_else(|| Error::NoDetokenizer { task: task.id().clone() })?,
            )
        } else {
            None
        };
        let mut data = [(); 3].map(|()| SplitData::default());
        let mut streamed = None;
        for &split in splits.iter().filter(|&&split| task.has(split)) {
            if split == Split::Train && task.config().stream {
                let rows = ExamplesOnDisk::write(
                    index.position() as u32,
                    &task,
                    split,
                    tokenizer,
                    max_lengths,
                )?;
                check_tokens(&[], [&candidates].into_iter(), backbone.vocab_size())?;
                check_token(rows.highest_token(), backbone.vocab_size())?;
                streamed = Some(Arc::new(rows));
                continue;
            }
            let instances = task.read(split)?;
            let rows = TokenizedExample::tokenize_all(
                index.position() as u32,
                &instances,
                tokenizer,
                max_lengths,
            )?;
            let choices = instances
                .iter()
                .filter(|instance| !instance.choices.is_empty())
                .map(|instance| Candidates::of_row(instance, tokenizer, max_lengths.target))
                .collect::<Result<Vec<_>>>()?;
            check_tokens(&rows, choices.iter().chain([&candidates]), backbone.vocab_size())?;
            let mut read = SplitData { rows, choices, ..SplitData::default() };
            for instance in instances {
                if labels.is_text() {
                    read.references.push(instance.references);
                }
                read.groups.extend(instance.group);
            }
            data[split as usize] = read;
        }
        Ok(Self { task, candidates, splits: data, streamed, detokenizer, max_lengths })
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The tokens of its label words; none where labels are free text or rows have their own candidates.
    pub fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    /// Number of rows in a split.
    pub fn count(&self, split: Split) -> usize {
        self.on_disk(split).map_or_else(|| self.rows(split).len(), ExamplesOnDisk::len)
    }

    /// A row of a split, by its number in [`count`](Self::count), wherever it is kept.
    ///
    /// # Errors
    ///
    /// When the split is streamed and cannot be read from disk.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn row(&self, split: Split, row: usize) -> Result<Cow<'_, TokenizedExample>> {
        Ok(match self.on_disk(split) {
            Some(rows) => Cow::Owned(rows.read(row)?),
            None => Cow::Borrowed(&self.rows(split)[row]),
        })
    }

    fn on_disk(&self, split: Split) -> Option<&ExamplesOnDisk> {
        self.streamed.as_deref().filter(|_| split == Split::Train)
    }

    /// Its rows in a split, in the order of the file; none where the task lacks the split, or streams it.
    pub fn rows(&self, split: Split) -> &[TokenizedExample] {
        &self.splits[split as usize].rows
    }

    /// The candidates of each row of a split, where rows have their own; none otherwise.
    pub fn choices(&self, split: Split) -> &[Candidates] {
        &self.splits[split as usize].choices
    }

    /// The texts that are right for each row of a split, where labels are free text; none otherwise.
    pub fn references(&self, split: Split) -> &[Vec<String>] {
        &self.splits[split as usize].references
    }

    /// The group of each row of a split, where a metric judges groups; none otherwise.
    pub fn groups(&self, split: Split) -> &[String] {
        &self.splits[split as usize].groups
    }

    /// Longest input and target, in tokens.
    pub fn max_lengths(&self) -> MaxLengths {
        self.max_lengths
    }

    /// The text of tokens that a model wrote.
    pub(crate) fn text(&self, ids: &[u32]) -> Result<String> {
        let task = || self.task.id().clone();
        let detokenizer =
            self.detokenizer.as_ref().ok_or_else(|| Error::NoDetokenizer { task: task() })?;
        detokenizer.detokenize(ids).map_err(|source| Error::Detokenize { task: task(), source })
    }

    /// What the rows of a split mean.
    pub fn gold(&self, split: Split) -> Vec<Gold> {
        match self.on_disk(split) {
            Some(rows) => rows.gold().to_vec(),
            None => self.rows(split).iter().filter_map(|row| row.gold).collect(),
        }
    }

    /// Judges a prediction for each row of a split.
    pub(crate) fn judge(&self, split: Split, predictions: &[Prediction]) -> Result<Evaluation> {
        let (gold, groups) = (self.gold(split), self.groups(split));
        Ok(if groups.is_empty() {
            self.task.evaluate(&gold, predictions)?
        } else {
            self.task.evaluate_in_groups(&gold, predictions, groups)?
        })
    }

    /// What always guessing the training split's most frequent label is worth on a split; of free text, its most frequent
    /// first reference, or an empty text where the training split is streamed.
    ///
    /// # Errors
    ///
    /// Those of judging, which a guess for each row gives no reason for.
    pub fn majority(&self, split: Split) -> Result<Evaluation> {
        let labels = self.task.labels();
        if labels.is_text() {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for references in self.references(Split::Train) {
                *counts.entry(references.first().map_or("", String::as_str)).or_default() += 1;
            }
            // Of equally frequent ones the first in sorted order.
            let most = counts.into_iter().rev().max_by_key(|&(_, count)| count);
            let text = most.map_or("", |(text, _)| text).to_owned();
            let references = self.references(split);
            let texts = vec![text; references.len()];
            return Ok(self.task.evaluate_texts(references, &texts)?);
        }
        let baseline = MajorityBaseline::new(labels, &self.gold(Split::Train));
        let predictions = vec![baseline.prediction(); self.count(split)];
        self.judge(split, &predictions)
    }
}

fn check_token(token: u32, vocab_size: usize) -> Result<()> {
    if (token as usize) < vocab_size {
        return Ok(());
    }
    Err(Error::TokenBeyondVocabulary { token, vocab_size })
}

fn check_tokens<'a>(
    rows: &'a [TokenizedExample],
    candidates: impl Iterator<Item = &'a Candidates>,
    vocab_size: usize,
) -> Result<()> {
    let of_rows = rows.iter().flat_map(|row| row.input_ids.iter().chain(&row.target_ids));
    let targets = candidates.flat_map(|candidates| candidates.ids().iter().flatten());
    of_rows.chain(targets).try_for_each(|&token| check_token(token, vocab_size))
}
