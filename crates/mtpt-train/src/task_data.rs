use mtpt_core::{Backbone, TaskIndex};
use mtpt_tasks::{
    Encode, Evaluation, Gold, MajorityBaseline, MaxLengths, Split, Task, TokenizedExample,
};

use crate::{Candidates, Error, Result};

/// A task with its rows as tokens.
#[derive(Clone, Debug)]
pub struct TaskData {
    task: Task,
    candidates: Candidates,
    splits: [Vec<TokenizedExample>; 3],
}

impl TaskData {
    /// Reads all splits of tasks and turns them into tokens; a task's position is its place in the list.
    ///
    /// # Errors
    ///
    /// When data cannot be read, a row does not fit its task, label words cannot be told apart by their tokens
    /// ([`Error::SameTokens`]), or the tokenizer gives a token that the model lacks ([`Error::TokenBeyondVocabulary`]).
    pub fn read<B: Backbone>(
        tasks: Vec<Task>,
        encoder: &impl Encode,
        backbone: &B,
        max_lengths: MaxLengths,
    ) -> Result<Vec<Self>> {
        (0..)
            .map(TaskIndex::new)
            .zip(tasks)
            .map(|(index, task)| {
                Self::read_splits(index, task, &Split::ALL, encoder, backbone, max_lengths)
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
        encoder: &impl Encode,
        backbone: &B,
        max_lengths: MaxLengths,
    ) -> Result<Self> {
        let candidates = Candidates::new(task.id(), task.labels().words(), encoder)?;
        let mut rows = [Vec::new(), Vec::new(), Vec::new()];
        for &split in splits.iter().filter(|&&split| task.has(split)) {
            let instances = task.read(split)?;
            let encoded =
                TokenizedExample::encode_all(index.into(), &instances, encoder, max_lengths)?;
            check_tokens(&encoded, &candidates, backbone.vocab_size())?;
            rows[split as usize] = encoded;
        }
        Ok(Self { task, candidates, splits: rows })
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The tokens of its label words.
    pub fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    /// Its rows in a split, in the order of the file; none where the task lacks the split.
    pub fn rows(&self, split: Split) -> &[TokenizedExample] {
        &self.splits[split as usize]
    }

    /// What the rows of a split mean.
    pub fn gold(&self, split: Split) -> Vec<Gold> {
        self.rows(split).iter().filter_map(|row| row.gold).collect()
    }

    /// What always guessing the training split's most frequent label is worth on a split.
    pub fn majority(&self, split: Split) -> Evaluation {
        let baseline = MajorityBaseline::new(self.task.labels(), &self.gold(Split::Train));
        baseline.evaluate(self.task.metrics(), self.task.labels(), &self.gold(split))
    }
}

fn check_tokens(
    rows: &[TokenizedExample],
    candidates: &Candidates,
    vocab_size: usize,
) -> Result<()> {
    let inputs = rows.iter().flat_map(|row| &row.input_ids);
    let targets = candidates.ids().iter().flatten();
    match inputs.chain(targets).find(|&&token| token as usize >= vocab_size) {
        Some(&token) => Err(Error::TokenBeyondVocabulary { token, vocab_size }),
        None => Ok(()),
    }
}
