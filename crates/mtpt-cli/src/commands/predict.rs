use std::collections::BTreeMap;
use std::path::Path;

use mtpt::core::TaskIndex;
use mtpt::infer::{Candidates, Prompts, rank_choices, rank_rows};
use mtpt::t5::GenerationConfig;
use mtpt::tasks::{
    Example, Labels, Prediction, SourceLocation, Template, TokenizedExample, truncate,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::Prompted;
use crate::error::Result;
use crate::model::PromptedModel;
use crate::output::Output;
use crate::progress::say;
use crate::rows::{Row, each_batch};

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Answer {
    /// The likeliest label word or candidate of the row, and the log-probability of each, by its word or field.
    Label {
        label: String,
        /// The label that it stands for in the task's files, where it is another text.
        #[serde(skip_serializing_if = "Option::is_none")]
        raw_label: Option<String>,
        scores: Map<String, Value>,
    },
    /// What the model says, where a task's labels are free text, or not known.
    Text { text: String },
}

/// What is needed to answer rows of a task.
struct Answering {
    template: Option<Template>,
    way: Way,
}

/// Where answers come from.
enum Way {
    /// From label words, the same for all rows.
    Words(Labels, Candidates),
    /// From candidates that each row brings.
    Choices(Labels),
    /// From the model.
    Text,
}

struct Prepared {
    task: TaskIndex,
    input: Vec<u32>,
    /// Whether it was longer than what the prompts were learned with.
    cut: bool,
    /// The row's own candidates, where its task asks for such, and their tokens.
    choices: Option<(Vec<String>, Candidates)>,
}

pub(crate) fn run(arguments: &Prompted) -> Result<()> {
    let prompted = PromptedModel::load(arguments)?;
    let Some(prompts) = &prompted.prompts else { return Ok(()) };
    let answering = prompts
        .tasks()
        .iter()
        .map(|task| {
            let labels = task.labels()?;
            let way = match labels {
                Some(labels) if labels.choice_fields().is_some() => Way::Choices(labels),
                Some(labels) if !labels.is_text() => {
                    let tokenizer = prompted.model.tokenizer()?;
                    let candidates =
                        Candidates::new(&task.name, labels.words(), tokenizer.as_inner())?;
                    Way::Words(labels, candidates)
                }
                _ => Way::Text,
            };
            Ok(Answering { template: task.template()?, way })
        })
        .collect::<Result<Vec<_>>>()?;
    let mut output = Output::new();
    let mut cut = 0;
    let outcome = each_batch(
        arguments.input.as_deref(),
        arguments.batch_size,
        |row| prepare(&prompted, &answering, &row),
        |rows| {
            cut += rows.iter().filter(|row| row.cut).count();
            for answer in answer(&prompted, &answering, rows)? {
                output.row(&answer)?;
            }
            output.flush()
        },
    );
    if cut > 0 {
        let longest = prompts.header().longest_input();
        say(&format!(
            "note: inputs longer than the {longest} tokens that the prompts were learned with: {cut}, cut there"
        ));
    }
    outcome
}

/// The tokens of a row: those of its `input`, or of its fields in the task's template.
fn prepare(prompted: &PromptedModel, answering: &[Answering], row: &Row) -> Result<Prepared> {
    let task = prompted.task(row.text("task")?).map_err(|problem| row.refuse(problem))?;
    let task = task.ok_or_else(|| row.refuse("the row has no task"))?;
    let given = row.fields().contains_key("input") || row.fields().contains_key("input_ids");
    let of_task = &answering[task.position()];
    let mut input = match &of_task.template {
        Some(template) if !given => {
            let text = render(template, row)?;
            let tokenizer = prompted.model.tokenizer();
            tokenizer
                .and_then(|tokenizer| tokenizer.encode(&text))
                .map_err(|error| row.refuse(error.to_string()))?
        }
        _ => prompted.tokens(row, "input")?,
    };
    let longest =
        prompted.prompts.as_ref().map_or(usize::MAX, |prompts| prompts.header().longest_input());
    let cut = input.len() > longest;
    truncate(&mut input, longest);
    let choices = match &of_task.way {
        Way::Choices(labels) => Some(choices(prompted, labels, row)?),
        Way::Words(..) | Way::Text => None,
    };
    Ok(Prepared { task, input, cut, choices })
}

/// The candidates of a row, and their tokens.
fn choices(
    prompted: &PromptedModel,
    labels: &Labels,
    row: &Row,
) -> Result<(Vec<String>, Candidates)> {
    let example = example(row);
    let mut fields = labels.choice_fields().into_iter().flatten();
    if let Some(missing) = fields.find(|field| example.get(field).is_none()) {
        return Err(
            row.refuse(format!("expected a candidate in the field `{missing}`, found none"))
        );
    }
    let texts = labels.choices_of(&example)?;
    let longest =
        prompted.prompts.as_ref().map_or(usize::MAX, |prompts| prompts.header().longest_target());
    let tokenizer = prompted.model.tokenizer()?;
    let tokens = texts.iter().map(|text| {
        let mut ids = tokenizer.encode(text)?;
        truncate(&mut ids, longest);
        Ok(ids)
    });
    let candidates = Candidates::of_tokens(tokens.collect::<Result<_>>()?);
    Ok((texts, candidates))
}

/// A row's fields with a text, a number or a truth value.
fn example(row: &Row) -> Example {
    let fields = row.fields().iter().filter_map(|(name, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => return None,
        };
        Some((name.clone(), text))
    });
    Example::new(fields, SourceLocation::new(Path::new("standard input"), row.line))
}

fn render(template: &Template, row: &Row) -> Result<String> {
    let example = example(row);
    if let Some(missing) = template.fields().find(|field| example.get(field).is_none()) {
        return Err(row.refuse(format!(
            "expected `input`, or the fields of the task's template `{}`; found no `{missing}`",
            template.as_str()
        )));
    }
    Ok(template.render(&example)?)
}

fn answer(
    prompted: &PromptedModel,
    answering: &[Answering],
    rows: &[Prepared],
) -> Result<Vec<Answer>> {
    let mut by_task: BTreeMap<TaskIndex, Vec<usize>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        by_task.entry(row.task).or_default().push(place);
    }
    let mut answers = vec![Answer::Text { text: String::new() }; rows.len()];
    for (task, places) in by_task {
        let rows: Vec<&Prepared> = places.iter().map(|&place| &rows[place]).collect();
        let of_task = match &answering[task.position()].way {
            Way::Words(labels, candidates) => choose(prompted, task, labels, candidates, &rows)?,
            Way::Choices(labels) => choose_own(prompted, task, labels, &rows)?,
            Way::Text => speak(prompted, task, &rows)?,
        };
        for (place, answer) in places.into_iter().zip(of_task) {
            answers[place] = answer;
        }
    }
    Ok(answers)
}

fn choose(
    prompted: &PromptedModel,
    task: TaskIndex,
    labels: &Labels,
    candidates: &Candidates,
    rows: &[&Prepared],
) -> Result<Vec<Answer>> {
    let examples = examples(task, rows);
    let composition = prompted.prompts.as_ref().map(Prompts::composition);
    let t5 = &prompted.model.t5;
    let scores = rank_rows(t5, composition, &examples, candidates, examples.len())?;
    scores.into_iter().map(|scores| chosen(labels, labels.words(), scores)).collect()
}

fn choose_own(
    prompted: &PromptedModel,
    task: TaskIndex,
    labels: &Labels,
    rows: &[&Prepared],
) -> Result<Vec<Answer>> {
    let examples = examples(task, rows);
    let (texts, candidates): (Vec<_>, Vec<_>) =
        rows.iter().filter_map(|row| row.choices.clone()).unzip();
    let composition = prompted.prompts.as_ref().map(Prompts::composition);
    let t5 = &prompted.model.t5;
    let scores = rank_choices(t5, composition, &examples, &candidates, examples.len())?;
    let of_rows = texts.iter().zip(scores);
    of_rows.map(|(texts, scores)| chosen(labels, texts, scores)).collect()
}

fn examples(task: TaskIndex, rows: &[&Prepared]) -> Vec<TokenizedExample> {
    rows.iter()
        .map(|row| TokenizedExample {
            task: task.position() as u32,
            input_ids: row.input.clone(),
            target_ids: Vec::new(),
            label: None,
            gold: None,
        })
        .collect()
}

/// The likeliest of the texts that the labels stand for.
fn chosen(labels: &Labels, texts: &[String], scores: Vec<f64>) -> Result<Answer> {
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

fn speak(prompted: &PromptedModel, task: TaskIndex, rows: &[&Prepared]) -> Result<Vec<Answer>> {
    let inputs = prompted.inputs(rows.iter().map(|row| (Some(task), row.input.as_slice())));
    let longest = prompted.prompts.as_ref().map(|prompts| prompts.header().longest_target());
    let config = GenerationConfig {
        max_new_tokens: longest.unwrap_or(GenerationConfig::default().max_new_tokens),
        ..GenerationConfig::default()
    };
    let t5 = &prompted.model.t5;
    t5.generate_from_embeddings(inputs.embeddings, inputs.mask, &config)?
        .iter()
        .map(|ids| Ok(Answer::Text { text: prompted.model.tokenizer()?.decode(ids)? }))
        .collect()
}
