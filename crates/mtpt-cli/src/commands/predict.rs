use std::collections::BTreeMap;

use mtpt::infer::{Candidates, PromptTask, Prompts, rank_choices, rank_rows};
use mtpt::t5::GenerationConfig;
use mtpt::tasks::{Labels, Prediction, Template, TokenizedExample, truncate};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::inference::Prompted;
use crate::error::Result;
use crate::input::batches::for_each_batch;
use crate::input::row::Row;
use crate::model::Model;
use crate::number_format::counted;
use crate::prompted_model::{PromptedModel, unlabeled};
use crate::stdio::{Output, message};

/// A prediction, as a row of standard output.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Answer {
    /// The most likely label word or candidate, and the log-probability of each, keyed by label
    /// word or candidate field.
    Label {
        label: String,
        /// The label in the task's files, if it differs from `label`.
        #[serde(skip_serializing_if = "Option::is_none")]
        raw_label: Option<String>,
        scores: Map<String, Value>,
    },
    /// Generated text, if the labels of the task are free text or unknown.
    Text { text: String },
}

/// How rows of a task are predicted.
struct TaskPredictor {
    template: Option<Template>,
    method: Method,
}

enum Method {
    /// Ranks the label words of the task.
    RankLabels(Labels, Candidates),
    /// Ranks the candidates in each row.
    RankChoices(Labels),
    Generate,
}

/// A row, ready for the model.
struct PreparedRow {
    example: TokenizedExample,
    /// Whether the input was longer than the longest input in training.
    truncated: bool,
    /// The row's own candidates and their tokens, for [`Method::RankChoices`].
    choices: Option<(Vec<String>, Candidates)>,
}

/// Everything that predictions need.
struct Predictor<'a> {
    prompted: &'a PromptedModel,
    prompts: &'a Prompts,
    tasks: Vec<TaskPredictor>,
}

pub(crate) fn run(arguments: &Prompted) -> Result<()> {
    let prompted = PromptedModel::load(arguments)?;
    let Some(prompts) = &prompted.prompts else { return Ok(()) };
    let predictor = Predictor::new(&prompted, prompts)?;
    let mut output = Output::new();
    let mut truncated = 0;
    let outcome = for_each_batch(
        arguments.input.as_deref(),
        arguments.batch_size,
        |row| predictor.prepare(&row),
        |rows| {
            truncated += rows.iter().filter(|row| row.truncated).count();
            for answer in predictor.predict(rows)? {
                output.row(&answer)?;
            }
            output.flush()
        },
    );
    if truncated > 0 {
        let longest = prompts.header().longest_input();
        let verb = if truncated == 1 { "was" } else { "were" };
        message(&format!(
            "warning: {} {verb} truncated to {longest} tokens, the limit used in training",
            counted(truncated, "input")
        ));
    }
    outcome
}

impl TaskPredictor {
    fn new(task: &PromptTask, model: &Model) -> Result<Self> {
        let method = match task.labels()? {
            Some(labels) if labels.choice_fields().is_some() => Method::RankChoices(labels),
            Some(labels) if !labels.is_text() => {
                let tokenizer = model.tokenizer()?;
                let candidates = Candidates::new(&task.name, labels.words(), tokenizer.as_inner())?;
                Method::RankLabels(labels, candidates)
            }
            _ => Method::Generate,
        };
        Ok(Self { template: task.template()?, method })
    }
}

impl<'a> Predictor<'a> {
    fn new(prompted: &'a PromptedModel, prompts: &'a Prompts) -> Result<Self> {
        let tasks = prompts.tasks().iter().map(|task| TaskPredictor::new(task, &prompted.model));
        Ok(Self { prompted, prompts, tasks: tasks.collect::<Result<_>>()? })
    }

    /// Tokenizes the `input` of a row, or its fields in the template of its task.
    fn prepare(&self, row: &Row) -> Result<PreparedRow> {
        let task = self.prompted.task(row)?.ok_or_else(|| row.error("the row has no task"))?;
        let TaskPredictor { template, method } = &self.tasks[task.position()];
        let mut input_ids = match template {
            Some(template) if !row.has("input") && !row.has("input_ids") => {
                self.tokenize(&render(template, row)?, row)?
            }
            _ => self.prompted.tokens(row, "input")?,
        };
        let longest = self.prompts.header().longest_input();
        let truncated = input_ids.len() > longest;
        truncate(&mut input_ids, longest);
        let choices = match method {
            Method::RankChoices(labels) => Some(self.choices(labels, row)?),
            Method::RankLabels(..) | Method::Generate => None,
        };
        Ok(PreparedRow { example: unlabeled(task, input_ids), truncated, choices })
    }

    fn tokenize(&self, text: &str, row: &Row) -> Result<Vec<u32>> {
        let tokenizer = self.prompted.model.tokenizer();
        tokenizer
            .and_then(|tokenizer| tokenizer.encode(text))
            .map_err(|error| row.error(error.to_string()))
    }

    /// Returns the candidates of a row and their tokens.
    fn choices(&self, labels: &Labels, row: &Row) -> Result<(Vec<String>, Candidates)> {
        let example = row.example();
        let mut fields = labels.choice_fields().into_iter().flatten();
        if let Some(missing) = fields.find(|field| example.get(field).is_none()) {
            return Err(
                row.error(format!("expected a candidate in the field `{missing}`, found none"))
            );
        }
        let texts = labels.choices_of(&example)?;
        let longest = self.prompts.header().longest_target();
        let tokenizer = self.prompted.model.tokenizer()?;
        let tokens = texts.iter().map(|text| {
            let mut ids = tokenizer.encode(text)?;
            truncate(&mut ids, longest);
            Ok(ids)
        });
        let candidates = Candidates::of_tokens(tokens.collect::<Result<_>>()?);
        Ok((texts, candidates))
    }

    /// Predicts a batch of rows, one task at a time.
    fn predict(&self, rows: &[PreparedRow]) -> Result<Vec<Answer>> {
        let mut by_task: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (position, row) in rows.iter().enumerate() {
            by_task.entry(row.example.task).or_default().push(position);
        }
        let mut answers = vec![Answer::Text { text: String::new() }; rows.len()];
        for (task, positions) in by_task {
            let rows: Vec<&PreparedRow> = positions.iter().map(|&row| &rows[row]).collect();
            let answers_of_task = self.predict_task(&self.tasks[task as usize].method, &rows)?;
            for (position, answer) in positions.into_iter().zip(answers_of_task) {
                answers[position] = answer;
            }
        }
        Ok(answers)
    }

    fn predict_task(&self, method: &Method, rows: &[&PreparedRow]) -> Result<Vec<Answer>> {
        let examples: Vec<_> = rows.iter().map(|row| row.example.clone()).collect();
        let (t5, composition) = (&self.prompted.model.t5, Some(self.prompts.composition()));
        match method {
            Method::RankLabels(labels, candidates) => {
                let scores = rank_rows(t5, composition, &examples, candidates, examples.len())?;
                let best = |scores| best_answer(labels, labels.words(), scores);
                scores.into_iter().map(best).collect()
            }
            Method::RankChoices(labels) => {
                let choices = rows.iter().filter_map(|row| row.choices.clone());
                let (texts, candidates): (Vec<_>, Vec<_>) = choices.unzip();
                let scores = rank_choices(t5, composition, &examples, &candidates, examples.len())?;
                let best = |(texts, scores): (&Vec<String>, _)| best_answer(labels, texts, scores);
                texts.iter().zip(scores).map(best).collect()
            }
            Method::Generate => self.generate(&examples),
        }
    }

    fn generate(&self, examples: &[TokenizedExample]) -> Result<Vec<Answer>> {
        let inputs = self.prompted.inputs(examples)?;
        let config = GenerationConfig {
            max_new_tokens: self.prompts.header().longest_target(),
            ..GenerationConfig::default()
        };
        let model = &self.prompted.model;
        let texts = model.t5.generate_from_embeddings(inputs.embeddings, inputs.mask, &config)?;
        let answer = |ids: &Vec<u32>| Ok(Answer::Text { text: model.tokenizer()?.decode(ids)? });
        texts.iter().map(answer).collect()
    }
}

fn render(template: &Template, row: &Row) -> Result<String> {
    let example = row.example();
    if let Some(missing) = template.fields().find(|field| example.get(field).is_none()) {
        return Err(row.error(format!(
            "expected `input`, or the fields of the task's template `{}`; found no `{missing}`",
            template.as_str()
        )));
    }
    Ok(template.render(&example)?)
}

/// Returns the most likely of the texts that stand for the labels.
fn best_answer(labels: &Labels, texts: &[String], scores: Vec<f64>) -> Result<Answer> {
    let best = labels.rank(&scores)?;
    let (label, raw_label) = match best {
        Prediction::Label(index) => (texts[index].clone(), labels.raw(index)),
        Prediction::Score(_) | Prediction::Unknown => (labels.text(best), None),
    };
    let raw_label = raw_label.filter(|raw| *raw != label).map(str::to_owned);
    let scores = labels.words().iter().zip(scores);
    let scores = scores.map(|(word, score)| (word.clone(), Value::from(score))).collect();
    Ok(Answer::Label { label, raw_label, scores })
}
