use std::path::Path;

use mtpt::core::TaskIndex;
use mtpt::infer::{self, Input, Predictor, PromptTask, Prompts, Query};
use mtpt::t5::{self, GenerationError, T5};
use mtpt::tasks::Tokenize;
use serde_json::json;

use crate::args::inference::Predict;
use crate::args::values::ScoreKind;
use crate::error::{Result, not_finite};
use crate::fields::Fields;
use crate::generation_settings::report_for_tasks;
use crate::input::notes::InputNotes;
use crate::input::row::Row;
use crate::input_limit::InputLimit;
use crate::output::format::OutputFormat;
use crate::prompted_model::PromptedModel;
use crate::rows::command::{Failure, RowCommand};
use crate::rows::job::RowJob;
use crate::rows::settings::settings;
use crate::stdio::message;

/// Field with a complete input text, to which no template is applied.
const RENDERED: &str = "rendered_input";

pub(crate) fn run(options: &Predict) -> Result<()> {
    let arguments = &options.prompted;
    let scores = json!(options.scores.map(|kind| format!("{kind:?}")));
    let settings = || settings("predict", arguments, ("scores", scores));
    let Some(job) = RowJob::open(arguments, settings, "predicted_")? else { return Ok(()) };
    let prompted = PromptedModel::load(arguments)?;
    let Some(prompts) = &prompted.prompts else { return Ok(()) };
    let tokenizer = prompted.model.tokenizer()?;
    let limit = prompted.input_limit(arguments.max_input_length);
    let predictor = prompted.predictor(prompts, &tokenizer)?;
    let predictor = predictor.with_max_input_length(limit.length());
    // Without known labels, the answers are text.
    let has_text = |task: &PromptTask| {
        task.labels().is_ok_and(|labels| labels.is_none_or(|labels| labels.is_text()))
    };
    let have_text = prompts.tasks().iter().map(has_text);
    report_for_tasks(&prompted.model.t5, have_text, prompts.header().max_lengths().target)?;
    let command = PredictRows {
        columns: columns(prompts, options)?,
        templates: prompts.tasks().iter().map(template_fields).collect::<Result<_>>()?,
        prompted: &prompted,
        prompts,
        predictor,
        limit,
        scores: options.scores,
        is_table: arguments.rows.output.as_deref().is_some_and(is_table),
        notes: InputNotes::default(),
    };
    job.run(&command)
}

fn is_table(output: &Path) -> bool {
    OutputFormat::of_path(output).is_ok_and(OutputFormat::is_table)
}

/// Returns the fields that answers may have, in their order.
fn columns(prompts: &Prompts, options: &Predict) -> Result<Vec<&'static str>> {
    let (mut has_label, mut has_labels, mut has_text) = (false, false, false);
    let (mut has_word, mut has_words) = (false, false);
    for task in prompts.tasks() {
        let Some(labels) = task.labels()? else {
            has_text = true;
            continue;
        };
        let is_choice = labels.choice_fields().is_some();
        has_text |= labels.is_text() || is_choice;
        has_labels |= labels.is_multi_label();
        if let Some((raw, words)) = labels.multi_labels() {
            has_words |= raw != words;
        } else if !labels.is_text() {
            has_label = true;
            let differs = |(index, word): (usize, &String)| labels.raw(index) != Some(word);
            has_word |= !is_choice
                && !labels.is_regression()
                && labels.words().iter().enumerate().any(differs);
        }
    }
    let has_scores = options.scores.is_some_and(|kind| kind != ScoreKind::None);
    let all = [
        ("task", true),
        ("label", has_label),
        ("word", has_word),
        ("labels", has_labels),
        ("words", has_words),
        ("text", has_text),
        ("probability", has_label),
        ("scores", has_label && has_scores),
    ];
    Ok(all.into_iter().filter_map(|(name, is_present)| is_present.then_some(name)).collect())
}

/// Returns the fields of a task's template, or `None` without one.
fn template_fields(task: &PromptTask) -> Result<Option<Vec<String>>> {
    let template = task.template()?;
    Ok(template.map(|template| template.fields().map(str::to_owned).collect()))
}

struct PredictRows<'a, T> {
    prompted: &'a PromptedModel,
    prompts: &'a Prompts,
    predictor: Predictor<'a, T5, T>,
    limit: InputLimit,
    scores: Option<ScoreKind>,
    /// Whether answers are written to a table.
    is_table: bool,
    /// Fields of the tasks' templates.
    templates: Vec<Option<Vec<String>>>,
    /// Fields that answers may have, in their order.
    columns: Vec<&'static str>,
    notes: InputNotes,
}

impl<T: Tokenize> PredictRows<'_, T> {
    /// Returns the field with the complete input text of a row, or `None` if its template is
    /// applied.
    ///
    /// A field of the template isn't the complete text, whatever its name.
    fn whole_input(&self, task: TaskIndex, row: &Row) -> Option<&'static str> {
        let Some(fields) = &self.templates[task.position()] else { return Some("input") };
        let given = |name: &'static str| {
            let is_field = fields.iter().any(|field| field == name);
            Some(name).filter(|name| !is_field && row.has(name))
        };
        if row.has("input_ids") {
            return Some("input");
        }
        given(RENDERED).or_else(|| {
            let name = given("input")?;
            self.notes.add_without_template(&self.prompts.tasks()[task.position()], fields);
            Some(name)
        })
    }

    /// Counts a row without text.
    fn note_empty_text(&self, task: TaskIndex, row: &Row, whole: Option<&str>) {
        let is_blank =
            |field: &str| row.example().get(field).is_some_and(|text| text.trim().is_empty());
        let is_empty = match (whole, &self.templates[task.position()]) {
            (None, Some(fields)) => fields.iter().any(|field| is_blank(field)),
            (whole, _) => is_blank(whole.unwrap_or("input")),
        };
        if is_empty {
            self.notes.add_empty_text(row.location().line());
        }
    }

    /// Returns the fields of an answer.
    fn fields(&self, query: &Query, answer: &infer::Answer) -> Fields {
        // A scale has dozens of scores, and a table would have them as JSON in a column.
        let is_score = answer.value().is_some();
        let default =
            if is_score || self.is_table { ScoreKind::None } else { ScoreKind::LogProbabilities };
        let task = &self.prompts.tasks()[query.task().position()].name;
        let mut fields = Fields::new();
        fields.insert("task".to_owned(), task.as_str().into());
        let values = answer.fields(self.scores.unwrap_or(default).into());
        fields.extend(values.into_iter().map(|(name, value)| (name.to_owned(), value)));
        fields
    }
}

impl<T: Tokenize> RowCommand for PredictRows<'_, T> {
    type Input = Query;

    fn prepare(&self, row: &Row) -> Result<Query> {
        let task = self.prompted.task(row)?.ok_or_else(|| row.error("the row has no task"))?;
        let whole = self.whole_input(task, row);
        let ids = whole.map(|field| self.prompted.tokens(row, field)).transpose()?;
        let input = ids.as_deref().map_or(Input::Fields, Input::Ids);
        let query = self.predictor.query(task, row.example(), input);
        let query = query.map_err(|error| row.error(error.to_string()))?;
        self.note_empty_text(task, row, whole);
        self.limit.count(usize::from(query.is_truncated()));
        self.prompted.count_unknown_tokens(query.input_ids());
        Ok(query)
    }

    fn shape(&self, query: &Query) -> (usize, usize) {
        (query.task().position(), query.input_ids().len())
    }

    fn answer(
        &self,
        inputs: &[(usize, &Query)],
        batch_size: usize,
    ) -> Result<Vec<Vec<Fields>>, Failure> {
        let answers = self.predictor.answer_at(inputs, batch_size).map_err(failure)?;
        let answers = inputs.iter().zip(answers);
        Ok(answers.map(|((_, query), answer)| vec![self.fields(query, &answer)]).collect())
    }

    /// The tasks of the prompts determine the columns, whatever tasks the rows have.
    fn columns(&self) -> Vec<&'static str> {
        self.columns.clone()
    }

    fn rows_at_a_time(&self) -> usize {
        self.prompted.rows_at_a_time()
    }

    fn new_notes(&self) -> Vec<String> {
        self.notes.take_new()
    }

    fn report(&self) {
        self.limit.report();
        self.prompted.note_unknown_tokens();
        if let Some(note) = self.notes.empty_texts() {
            message(&note);
        }
    }
}

/// Returns whether the error is the unusable result of an input.
fn failure(error: infer::Error) -> Failure {
    match &error {
        infer::Error::NotFinite { value, .. } => {
            Failure::Input { problem: not_finite("the log-probability of a candidate", value) }
        }
        infer::Error::Generate { source } => match source.downcast_ref() {
            Some(t5::Error::Generation(problem @ GenerationError::NotFinite { .. })) => {
                Failure::Input { problem: problem.to_string() }
            }
            _ => error.into(),
        },
        _ => error.into(),
    }
}
