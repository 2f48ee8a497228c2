use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mtpt_compose::Composition;
use mtpt_core::{Backbone, Compose, TaskIndex};
use mtpt_tasks::{
    Example, Labels, Prediction, SourceLocation, TaskId, Template, Tokenize, TokenizedExample,
    truncate,
};

use crate::answer::Answer;
use crate::candidates::Candidates;
use crate::error::{Error, Result};
use crate::prediction_tasks::{Output, PredictionTask, PredictionTasks};
use crate::prompted::Prompted;
use crate::prompts::Prompts;
use crate::query::Query;
use crate::rank::check_scores;
use crate::row_length::check_length;

/// Number of rows per batch in [`Predictor::predict`].
const BATCH_SIZE: usize = 64;

/// Predicts labels or text for rows of data, with the tasks of trained prompts.
///
/// Each row becomes a [`Query`] first, so that invalid rows are found before any computation.
pub struct Predictor<'a, B, T, C = Composition> {
    prompted: Prompted<'a, B, C>,
    tokenizer: &'a T,
    tasks: Arc<PredictionTasks>,
    /// Maximum length of inputs in tokens.
    max_input_length: usize,
}

/// Input of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// The task's template, rendered with the fields of the row.
    Fields,
    /// A complete input text, used as it is.
    Text(&'a str),
    /// Tokens with the end-of-sentence token last, used as they are.
    Ids(&'a [u32]),
}

impl<'a, B: Backbone, T: Tokenize, C: Compose> Predictor<'a, B, T, C> {
    /// Creates a predictor for all tasks of the prompts.
    ///
    /// # Errors
    ///
    /// - [`Error::Width`] when the prompts don't have the width of the model.
    /// - Those of [`PredictionTasks::new`].
    pub fn new(backbone: &'a B, prompts: &'a Prompts<C>, tokenizer: &'a T) -> Result<Self> {
        let tasks = Arc::new(PredictionTasks::new(backbone, prompts, tokenizer)?);
        Self::with_tasks(backbone, prompts, tokenizer, tasks)
    }

    /// Creates a predictor whose tasks were prepared before, with the same model, prompts and
    /// tokenizer. This costs almost nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Width`] when the prompts don't have the width of the model.
    pub fn with_tasks(
        backbone: &'a B,
        prompts: &'a Prompts<C>,
        tokenizer: &'a T,
        tasks: Arc<PredictionTasks>,
    ) -> Result<Self> {
        let prompted = Prompted::new(backbone, prompts.composition())?;
        let max_input_length = tasks.max_lengths.input;
        Ok(Self { prompted, tokenizer, tasks, max_input_length })
    }

    /// Ignores the vectors for the decoder, as PEFT's `generate` does.
    #[must_use]
    pub fn without_decoder_prompt(self) -> Self {
        Self { prompted: self.prompted.without_decoder_prompt(), ..self }
    }

    /// Sets the maximum length of inputs in tokens. The default is the one used in training, or no
    /// limit if the prompts don't record it.
    #[must_use]
    pub fn with_max_input_length(mut self, length: usize) -> Self {
        self.max_input_length = length;
        self
    }

    /// Tokenizes a row for a task, with a given input or one rendered from the row's fields.
    ///
    /// The input is truncated to the maximum length.
    ///
    /// # Errors
    ///
    /// - [`Error::TooLong`] when the truncated input still needs too much memory.
    /// - [`Error::MissingField`] and [`Error::MissingCandidate`] when the row lacks a field.
    /// - [`Error::Tokenize`] when a text cannot be tokenized.
    ///
    /// # Panics
    ///
    /// When the task index is out of range.
    pub fn query(&self, task: TaskIndex, row: &Example, input: Input<'_>) -> Result<Query> {
        let PredictionTask { template, output, .. } = self.tasks.get(task);
        let mut input_ids = match (input, template) {
            (Input::Ids(ids), _) => ids.to_vec(),
            (Input::Text(text), _) => self.tokenize(text)?,
            (Input::Fields, Some(template)) => self.tokenize(&render(template, row)?)?,
            (Input::Fields, None) => {
                let missing = || Error::MissingField { template: None, field: "input".into() };
                self.tokenize(row.get("input").ok_or_else(missing)?)?
            }
        };
        let is_truncated = input_ids.len() > self.max_input_length;
        truncate(&mut input_ids, self.max_input_length);
        let choices = match output {
            Output::Choices(labels) => Some(self.choices(labels, row)?),
            Output::Words(..) | Output::Text(_) => None,
        };
        check_length(&input_ids, &[], self.tasks.max_row_length, None)?;
        Ok(Query { task, input_ids, is_truncated, choices })
    }

    fn tokenize(&self, text: &str) -> Result<Vec<u32>> {
        let failed = |source| Error::Tokenize { what: "the input".into(), source };
        self.tokenizer.tokenize(text).map_err(failed)
    }

    /// Tokenizes the candidates of a row.
    fn choices(&self, labels: &Labels, row: &Example) -> Result<(Vec<String>, Candidates)> {
        let mut fields = labels.choice_fields().into_iter().flatten();
        if let Some(field) = fields.find(|field| !row.has(field)) {
            return Err(Error::MissingCandidate { field: field.clone() });
        }
        let texts = labels.choices_of(row)?;
        let candidates =
            Candidates::from_texts(&texts, self.tokenizer, self.tasks.max_candidate_length)
                .map_err(|source| Error::Tokenize { what: "a candidate".into(), source })?;
        Ok((texts, candidates))
    }

    /// Predicts an answer for each query, in the order of the queries, which may mix tasks.
    ///
    /// Batches hold queries of one task and similar length, at most `batch_size` of them.
    ///
    /// # Errors
    ///
    /// [`Error::NoDetokenizer`] and [`Error::Detokenize`] when generated tokens cannot be converted
    /// to text, [`Error::Generate`] when the model's decoding settings are not supported, and
    /// [`Error::NotFinite`] when a log-probability is infinite or NaN.
    pub fn answer(&self, queries: &[Query], batch_size: usize) -> Result<Vec<Answer>> {
        let queries: Vec<(usize, &Query)> = queries.iter().enumerate().collect();
        self.answer_at(&queries, batch_size)
    }

    /// Predicts an answer for each query with a given position in the whole input, otherwise like
    /// [`answer`](Self::answer).
    ///
    /// If the decoding settings of the model sample text, it depends on the positions.
    ///
    /// # Errors
    ///
    /// See [`answer`](Self::answer). The row of [`Error::NotFinite`] is an index of `queries`.
    pub fn answer_at(&self, queries: &[(usize, &Query)], batch_size: usize) -> Result<Vec<Answer>> {
        let mut by_task: BTreeMap<TaskIndex, Vec<usize>> = BTreeMap::new();
        for (index, (_, query)) in queries.iter().enumerate() {
            by_task.entry(query.task).or_default().push(index);
        }
        let mut answers = vec![Answer::Text { text: String::new() }; queries.len()];
        for (task, indices) in by_task {
            let of_task: Vec<_> = indices.iter().map(|&index| queries[index]).collect();
            let of_task = self.predict_task(self.tasks.get(task), &of_task, batch_size);
            let of_task = of_task.map_err(|error| match error {
                Error::NotFinite { row, location, value } => {
                    Error::NotFinite { row: indices[row], location, value }
                }
                error => error,
            })?;
            for (index, answer) in indices.into_iter().zip(of_task) {
                answers[index] = answer;
            }
        }
        Ok(answers)
    }

    fn predict_task(
        &self,
        task: &PredictionTask,
        queries: &[(usize, &Query)],
        batch_size: usize,
    ) -> Result<Vec<Answer>> {
        let rows: Vec<TokenizedExample> = queries.iter().map(|(_, query)| to_row(query)).collect();
        match &task.output {
            Output::Words(labels, candidates) => {
                let scores = check_scores(self.prompted.rank(&rows, candidates, batch_size))?;
                let words = labels.words();
                scores.into_iter().map(|scores| best_label(labels, words, scores)).collect()
            }
            Output::Choices(labels) => {
                let (texts, candidates): (Vec<_>, Vec<_>) =
                    queries.iter().filter_map(|(_, query)| query.choices.clone()).unzip();
                let scores = self.prompted.rank_choices(&rows, &candidates, batch_size);
                let scores = check_scores(scores)?;
                let rows = texts.iter().zip(scores);
                rows.map(|(texts, scores)| best_label(labels, texts, scores)).collect()
            }
            Output::Text(labels) => {
                let missing = || Error::NoDetokenizer { task: task.name.clone() };
                let detokenizer = self.tokenizer.detokenizer().ok_or_else(missing)?;
                let position = |row: usize| queries[row].0;
                let max_length = self.tasks.max_lengths.target;
                let generated =
                    self.prompted.generate_at(&rows, position, max_length, batch_size)?;
                let text = |ids: Vec<u32>| {
                    let failed = |source| Error::Detokenize { task: task.name.clone(), source };
                    let text = detokenizer.detokenize(&ids).map_err(failed)?;
                    Ok(match labels {
                        Some(labels) => named_labels(labels, text),
                        None => Answer::Text { text },
                    })
                };
                generated.into_iter().map(text).collect()
            }
        }
    }

    /// Predicts an answer for each text, which fills the only field of the task's template. If the
    /// task has no template, the text is the complete input.
    ///
    /// # Errors
    ///
    /// - [`Error::TaskName`] for an unknown or ambiguous task name.
    /// - [`Error::SeveralFields`] when the template has several fields: use [`query`](Self::query).
    /// - As [`query`](Self::query) and [`answer`](Self::answer).
    pub fn predict<S: AsRef<str>>(
        &self,
        task: &str,
        texts: impl IntoIterator<Item = S>,
    ) -> Result<Vec<Answer>> {
        let task = self.tasks.find(task)?;
        let PredictionTask { name, template, .. } = self.tasks.get(task);
        let field = template.as_ref().map(|template| only_field(name, template)).transpose()?;
        let queries = (1..).zip(texts).map(|(line, text)| {
            let location = SourceLocation::new(Path::new("texts"), line);
            let row = Example::new([(field.unwrap_or("input"), text.as_ref())], location);
            self.query(task, &row, Input::Fields)
        });
        self.answer(&queries.collect::<Result<Vec<_>>>()?, BATCH_SIZE)
    }
}

/// Returns the only field of a template, which may occur several times.
fn only_field<'a>(task: &TaskId, template: &'a Template) -> Result<&'a str> {
    let mut fields = template.fields();
    match fields.next() {
        Some(field) if fields.all(|other| other == field) => Ok(field),
        _ => {
            Err(Error::SeveralFields { task: task.clone(), template: template.as_str().to_owned() })
        }
    }
}

fn render(template: &Template, row: &Example) -> Result<String> {
    if let Some(field) = template.fields().find(|field| !row.has(field)) {
        return Err(Error::MissingField {
            template: Some(template.as_str().to_owned()),
            field: field.to_owned(),
        });
    }
    Ok(template.render(row)?)
}

fn to_row(query: &Query) -> TokenizedExample {
    TokenizedExample {
        task: query.task.position(),
        input_ids: query.input_ids.clone(),
        target_ids: Vec::new(),
        label: None,
        gold: None,
    }
}

/// Returns the labels that a generated text names.
fn named_labels(labels: &Labels, text: String) -> Answer {
    let (raw, words) = labels.multi_labels().unwrap_or_default();
    let found = labels.labels_in(&text).unwrap_or_default();
    let select = |texts: &[String]| found.iter().map(|&label| texts[label].clone()).collect();
    Answer::Labels { labels: select(raw), words: select(words), text }
}

/// Returns the label whose text has the highest score.
fn best_label(labels: &Labels, texts: &[String], scores: Vec<f64>) -> Result<Answer> {
    let best = labels.rank(&scores)?;
    let names = (0..scores.len()).map(|index| labels.raw(index).unwrap_or(&texts[index]));
    let named: Vec<(String, f64)> = names.map(str::to_owned).zip(scores).collect();
    Ok(match best {
        Prediction::Label(index) => {
            let (label, text, scores) = (named[index].0.clone(), texts[index].clone(), named);
            if labels.choice_fields().is_some() {
                Answer::Choice { label, text, scores }
            } else {
                Answer::Label { label, word: text, scores }
            }
        }
        Prediction::Score(value) => Answer::Score { value, word: labels.text(best), scores: named },
        Prediction::Unknown => Answer::Text { text: String::new() },
    })
}
