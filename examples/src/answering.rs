//! Classification with trained prompts.

use std::path::Path;

use mtpt::core::TaskIndex;
use mtpt::infer::{Candidates, Prompts, rank_rows};
use mtpt::tasks::{Example, Labels, SourceLocation, Template, TokenizedExample, truncate};

use crate::Result;
use crate::model::Model;

/// A model and the prompts of its tasks.
pub struct Answering<'a> {
    model: &'a Model,
    prompts: &'a Prompts,
    /// Templates and labels, by task position.
    tasks: Vec<Task>,
}

struct Task {
    template: Template,
    labels: Labels,
    candidates: Candidates,
}

/// The most probable label of a text.
pub struct Answer {
    /// Its word; a number if labels are scores.
    pub label: String,
    /// Its probability relative to all label words.
    pub probability: f64,
}

impl<'a> Answering<'a> {
    /// Checks that the prompts fit the model and reads the tasks' templates and label words.
    ///
    /// # Errors
    ///
    /// When the prompts don't have the width of the model, or a task has no template or label
    /// words.
    pub fn new(model: &'a Model, prompts: &'a Prompts) -> Result<Self> {
        prompts.check_fits(&model.t5)?;
        let mut tasks = Vec::new();
        for task in prompts.tasks() {
            let name = &task.name;
            let labels = task
                .labels()?
                .filter(|labels| !labels.words().is_empty() && labels.choice_fields().is_none());
            let (Some(template), Some(labels)) = (task.template()?, labels) else {
                return Err(
                    format!("`{name}` has no label words to rank: use `mtpt predict`").into()
                );
            };
            let candidates = Candidates::new(name, labels.words(), model.tokenizer.as_inner())?;
            tasks.push(Task { template, labels, candidates });
        }
        Ok(Self { model, prompts, tasks })
    }

    /// Classifies texts with the prompt of a task in one forward pass.
    ///
    /// # Errors
    ///
    /// When the task's template has more than one field, or a text cannot be tokenized.
    pub fn answer(&self, task: TaskIndex, texts: &[&str]) -> Result<Vec<Answer>> {
        let Task { template, labels, candidates } = &self.tasks[task.position()];
        let fields: Vec<&str> = template.fields().collect();
        let &[field] = fields.as_slice() else {
            let template = template.as_str();
            return Err(format!("`{template}` needs more than one text: use `mtpt predict`").into());
        };
        let mut rows = Vec::with_capacity(texts.len());
        for (line, text) in (1..).zip(texts) {
            let location = SourceLocation::new(Path::new("the texts"), line);
            let input = template.render(&Example::new([(field, *text)], location))?;
            let mut input_ids = self.model.tokenizer.encode(&input)?;
            truncate(&mut input_ids, self.prompts.header().longest_input());
            let (target_ids, label, gold) = (Vec::new(), None, None);
            rows.push(TokenizedExample {
                task: task.position() as u32,
                input_ids,
                target_ids,
                label,
                gold,
            });
        }
        let t5 = &self.model.t5;
        let composition = Some(self.prompts.composition());
        let scores = rank_rows(t5, composition, &rows, candidates, 64)?;
        scores.into_iter().map(|scores| choose(labels, &scores)).collect()
    }
}

/// Returns the most probable label word.
fn choose(labels: &Labels, scores: &[f64]) -> Result<Answer> {
    let label = labels.text(labels.rank(scores)?);
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|score| (score - best).exp()).sum();
    Ok(Answer { label, probability: 1.0 / sum })
}
