use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use mtpt_core::{Backbone, TaskIndex};
use mtpt_tasks::baseline::{MajorityAnswer, RowLabels, tfidf_baseline};
use mtpt_tasks::batch::Truncated;
use mtpt_tasks::{
    Baselines, Detokenize, Error as TaskError, Evaluation, ExamplesOnDisk, Gold, MaxLengths, Split,
    Task, Tokenize, TokenizedExample, UnknownTokens,
};

use crate::candidates::Candidates;
use crate::device_partition::max_row_length;
use crate::error::{Error, Result};
use crate::row_length::check_length;

/// A task with its tokenized splits.
#[derive(Clone)]
pub struct TaskData {
    task: Task,
    candidates: Candidates,
    splits: [SplitData; 3],
    /// Training split of a task that streams it.
    streamed: Option<Arc<ExamplesOnDisk>>,
    /// Converts generated tokens to text, if labels are free text.
    detokenizer: Option<Arc<dyn Detokenize + Send + Sync>>,
    max_lengths: MaxLengths,
}

/// The rows of a split. The other lists have one entry per row, or none if they don't apply.
#[derive(Clone, Debug, Default)]
struct SplitData {
    rows: Vec<TokenizedExample>,
    /// Reference texts, if labels are free text.
    references: Vec<Vec<String>>,
    /// Candidates of the row, if rows have their own.
    choices: Vec<Candidates>,
    /// Group of the row, if a metric aggregates groups.
    groups: Vec<String>,
    /// Number of texts that were truncated.
    truncated: Truncated,
    /// Counts of all rows.
    unknown_tokens: UnknownTokens,
    /// Number of inputs whose fields are all blank.
    blank_inputs: usize,
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

/// Reads and tokenizes the splits of tasks for a model.
#[derive(Clone, Copy, Debug)]
pub struct TaskTokenizer<'a, T> {
    tokenizer: &'a T,
    vocab_size: usize,
    max_lengths: MaxLengths,
    max_candidate_length: usize,
    /// Maximum length of a row that fits in memory.
    max_row_length: usize,
}

impl<'a, T: Tokenize> TaskTokenizer<'a, T> {
    /// Uses a tokenizer for a model, and truncates inputs and targets to maximum lengths.
    pub fn new<B: Backbone>(tokenizer: &'a T, backbone: &B, max_lengths: MaxLengths) -> Self {
        let (vocab_size, max_row_length) = (backbone.vocab_size(), max_row_length(backbone));
        let max_candidate_length = max_lengths.target;
        Self { tokenizer, vocab_size, max_lengths, max_candidate_length, max_row_length }
    }

    /// Sets the maximum length of candidates. The default is that of targets.
    #[must_use]
    pub fn with_max_candidate_length(self, max_candidate_length: usize) -> Self {
        Self { max_candidate_length, ..self }
    }

    /// Reads some splits of one task. Splits that the task lacks have no rows.
    ///
    /// # Errors
    ///
    /// - [`Error::Tasks`] when data cannot be read, or a row doesn't fit its task.
    /// - [`Error::SameTokens`] when label words have the same tokens.
    /// - [`Error::TokenBeyondVocabulary`] when the tokenizer returns a token that the model lacks.
    /// - [`Error::TooLong`] when a truncated row still needs too much memory.
    /// - [`Error::NoDetokenizer`] when labels are free text and the tokenizer cannot convert tokens
    ///   to text.
    pub fn read_splits(&self, index: TaskIndex, task: Task, splits: &[Split]) -> Result<TaskData> {
        let Self { tokenizer, max_lengths, .. } = *self;
        let labels = task.labels();
        let words = if labels.choice_fields().is_some() { &[] } else { labels.words() };
        let candidates = Candidates::new(task.id(), words, tokenizer)?;
        let detokenizer = if labels.is_text() {
            let missing = || Error::NoDetokenizer { task: task.id().clone() };
            Some(tokenizer.detokenizer().ok_or_else(missing)?)
        } else {
            None
        };
        let mut data = [(); 3].map(|()| SplitData::default());
        let mut streamed = None;
        for &split in splits.iter().filter(|&&split| task.has(split)) {
            if split == Split::Train && task.config().stream {
                let rows =
                    ExamplesOnDisk::write(index.position(), &task, split, tokenizer, max_lengths)?;
                self.check_tokens(&[], [&candidates].into_iter())?;
                self.check_token(rows.highest_token())?;
                streamed = Some(Arc::new(rows));
                continue;
            }
            data[split as usize] = self.read_split(index, &task, split)?;
            let SplitData { rows, choices, .. } = &data[split as usize];
            self.check_tokens(rows, choices.iter().chain([&candidates]))?;
        }
        Ok(TaskData { task, candidates, splits: data, streamed, detokenizer, max_lengths })
    }

    fn read_split(&self, index: TaskIndex, task: &Task, split: Split) -> Result<SplitData> {
        let Self { tokenizer, max_lengths, .. } = *self;
        let instances = task.read(split)?;
        let (task_index, limit) = (index.position(), self.max_row_length);
        let (rows, truncated) =
            TokenizedExample::tokenize_counted(task_index, &instances, tokenizer, max_lengths)?;
        for (row, instance) in rows.iter().zip(&instances) {
            check_length(&row.input_ids, &row.target_ids, limit, Some(&instance.location))?;
        }
        let mut unknown_tokens = UnknownTokens::default();
        for (row, instance) in rows.iter().zip(&instances) {
            unknown_tokens.add_text(&instance.input, &row.input_ids, tokenizer);
        }
        let blank_inputs = instances.iter().filter(|instance| instance.is_blank).count();
        let mut data =
            SplitData { rows, truncated, unknown_tokens, blank_inputs, ..SplitData::default() };
        for instance in instances {
            if !instance.choices.is_empty() {
                let (choices, location) = (&instance.choices, &instance.location);
                let candidates =
                    Candidates::from_texts(choices, tokenizer, self.max_candidate_length).map_err(
                        |problem| TaskError::Tokenize { location: location.clone(), problem },
                    )?;
                data.choices.push(candidates);
            }
            if task.labels().is_text() {
                data.references.push(instance.references);
            }
            data.groups.extend(instance.group);
        }
        Ok(data)
    }

    fn read_tasks(&self, tasks: Vec<Task>, splits: &[Split]) -> Result<Vec<TaskData>> {
        let indices = (0..).map(TaskIndex::new);
        indices.zip(tasks).map(|(index, task)| self.read_splits(index, task, splits)).collect()
    }

    fn check_token(&self, token: u32) -> Result<()> {
        let vocab_size = self.vocab_size;
        if (token as usize) < vocab_size {
            return Ok(());
        }
        Err(Error::TokenBeyondVocabulary { token, vocab_size })
    }

    fn check_tokens<'b>(
        &self,
        rows: &'b [TokenizedExample],
        candidates: impl Iterator<Item = &'b Candidates>,
    ) -> Result<()> {
        let of_rows = rows.iter().flat_map(|row| row.input_ids.iter().chain(&row.target_ids));
        let targets = candidates.flat_map(|candidates| candidates.ids().iter().flatten());
        of_rows.chain(targets).try_for_each(|&token| self.check_token(token))
    }
}

impl TaskData {
    /// Reads and tokenizes all splits of tasks. A task's index is its position in the list.
    ///
    /// # Errors
    ///
    /// As [`TaskTokenizer::read_splits`].
    pub fn read<B: Backbone>(
        tasks: Vec<Task>,
        tokenizer: &impl Tokenize,
        backbone: &B,
        max_lengths: MaxLengths,
    ) -> Result<Vec<Self>> {
        TaskTokenizer::new(tokenizer, backbone, max_lengths).read_tasks(tasks, &Split::ALL)
    }

    /// Reads and tokenizes the training and dev splits of tasks. See [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// As [`TaskTokenizer::read_splits`].
    pub fn read_for_training<B: Backbone>(
        tasks: Vec<Task>,
        tokenizer: &impl Tokenize,
        backbone: &B,
        max_lengths: MaxLengths,
    ) -> Result<Vec<Self>> {
        let tokenizer = TaskTokenizer::new(tokenizer, backbone, max_lengths);
        tokenizer.read_tasks(tasks, &[Split::Train, Split::Dev])
    }

    /// Returns the task.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Returns the tokenized label words, or none if labels are free text or rows have their own
    /// candidates.
    pub fn candidates(&self) -> &Candidates {
        &self.candidates
    }

    /// Returns the number of rows in a split.
    pub fn count(&self, split: Split) -> usize {
        self.on_disk(split).map_or_else(|| self.rows(split).len(), ExamplesOnDisk::len)
    }

    /// Returns a row of a split, from memory or from disk.
    ///
    /// # Errors
    ///
    /// When the split is streamed and cannot be read from disk.
    ///
    /// # Panics
    ///
    /// When `row` is not less than [`count`](Self::count).
    pub fn row(&self, split: Split, row: usize) -> Result<Cow<'_, TokenizedExample>> {
        Ok(match self.on_disk(split) {
            Some(rows) => Cow::Owned(rows.read(row)?),
            None => Cow::Borrowed(&self.rows(split)[row]),
        })
    }

    fn on_disk(&self, split: Split) -> Option<&ExamplesOnDisk> {
        self.streamed.as_deref().filter(|_| split == Split::Train)
    }

    /// Returns the rows of a split in the order of the file, or none if the task lacks the split or
    /// streams it.
    pub fn rows(&self, split: Split) -> &[TokenizedExample] {
        &self.splits[split as usize].rows
    }

    /// Returns how many tokens of a split's inputs are unknown to the tokenizer.
    pub fn unknown_tokens(&self, split: Split) -> UnknownTokens {
        let in_memory = self.splits[split as usize].unknown_tokens;
        self.on_disk(split).map_or(in_memory, ExamplesOnDisk::unknown_tokens)
    }

    /// Returns the candidates of each row of a split, or none if rows don't have their own.
    pub fn choices(&self, split: Split) -> &[Candidates] {
        &self.splits[split as usize].choices
    }

    /// Returns the reference texts of each row of a split, or none if labels are not free text.
    pub fn references(&self, split: Split) -> &[Vec<String>] {
        &self.splits[split as usize].references
    }

    /// Returns the group of each row of a split, or none if no metric aggregates groups.
    pub fn groups(&self, split: Split) -> &[String] {
        &self.splits[split as usize].groups
    }

    /// Returns how many texts of a split were truncated.
    pub fn truncated(&self, split: Split) -> Truncated {
        match self.on_disk(split) {
            Some(rows) => rows.truncated(),
            None => self.splits[split as usize].truncated,
        }
    }

    /// Returns the number of inputs of a split whose fields are all empty or blank, 0 for a split
    /// that is streamed.
    pub fn blank_inputs(&self, split: Split) -> usize {
        self.splits[split as usize].blank_inputs
    }

    /// Returns the maximum lengths of inputs and targets, in tokens.
    pub fn max_lengths(&self) -> MaxLengths {
        self.max_lengths
    }

    /// Converts generated tokens to text.
    pub(crate) fn text(&self, ids: &[u32]) -> Result<String> {
        let task = || self.task.id().clone();
        let missing = || Error::NoDetokenizer { task: task() };
        let detokenizer = self.detokenizer.as_ref().ok_or_else(missing)?;
        detokenizer.detokenize(ids).map_err(|source| Error::Detokenize { task: task(), source })
    }

    /// Returns the gold label of each row of a split.
    pub fn gold(&self, split: Split) -> Vec<Gold> {
        match self.on_disk(split) {
            Some(rows) => rows.gold().to_vec(),
            None => self.rows(split).iter().filter_map(|row| row.gold).collect(),
        }
    }

    /// Returns the labels of the rows of a split, by which predictions are evaluated.
    pub fn row_labels(&self, split: Split) -> RowLabels<'_> {
        RowLabels {
            gold: self.gold(split).into(),
            references: self.references(split).into(),
            groups: self.groups(split).into(),
        }
    }

    /// Evaluates the majority baseline on a split: the most frequent label of the training split.
    ///
    /// For free text, the baseline is the most frequent first reference of the training split, or
    /// an empty text if that split is streamed.
    ///
    /// # Errors
    ///
    /// When a metric cannot be computed.
    pub fn majority(&self, split: Split) -> Result<Evaluation> {
        let answer = MajorityAnswer::new(&self.task, &self.row_labels(Split::Train));
        Ok(answer.evaluate(&self.task, &self.row_labels(split))?)
    }

    /// Evaluates the baselines on a split: [majority](Self::majority) and, if wanted, a linear
    /// model on TF-IDF features, for which the texts are read again.
    ///
    /// By default (`tfidf` is `None`), TF-IDF is evaluated with at most
    /// [`MAX_TRAINING_EXAMPLES`](mtpt_tasks::baseline::MAX_TRAINING_EXAMPLES) training examples.
    ///
    /// # Errors
    ///
    /// When a metric cannot be computed, or the texts cannot be read.
    pub fn baselines(&self, split: Split, tfidf: Option<bool>) -> Result<Baselines> {
        let answer = MajorityAnswer::new(&self.task, &self.row_labels(Split::Train));
        Ok(Baselines {
            majority: answer.evaluate(&self.task, &self.row_labels(split))?,
            majority_label: answer.label(self.task.labels()),
            tfidf: tfidf_baseline(&self.task, split, tfidf, self.count(Split::Train))?,
        })
    }
}
