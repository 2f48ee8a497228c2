use std::collections::BTreeMap;
use std::path::Path;

use mtpt::core::TaskIndex;
use mtpt::t5::GenerationConfig;
use mtpt::tasks::{Example, Labels, Place, Prediction, Template, TokenizedExample, truncate};
use mtpt::train::{Candidates, rank_rows};
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
    /// The likeliest label word, and the log-probability of each.
    Label {
        label: String,
        /// The label that the word stands for in the task's files, where it is another text.
        #[serde(skip_serializing_if = "Option::is_none")]
        raw_label: Option<String>,
        scores: Map<String, Value>,
    },
    /// What the model says, where a task has no label words.
    Text { text: String },
}

/// What is needed to answer rows of a task.
struct Answering {
    template: Option<Template>,
    choice: Option<(Labels, Candidates)>,
}

struct Prepared {
    task: TaskIndex,
    input: Vec<u32>,
    /// Whether it was longer than what the prompts were learned with.
    cut: bool,
}

pub(crate) fn run(arguments: &Prompted) -> Result<()> {
    let prompted = PromptedModel::load(arguments)?;
    let Some(prompts) = &prompted.prompts else { return Ok(()) };
    let answering = prompts
        .tasks()
        .iter()
        .map(|task| {
            let labels = task.labels()?;
            let choice = match labels {
                Some(labels) => {
                    let tokenizer = prompted.model.tokenizer()?;
                    let candidates =
                        Candidates::new(&task.name, labels.words(), tokenizer.as_inner())?;
                    Some((labels, candidates))
                }
                None => None,
            };
            Ok(Answering { template: task.template()?, choice })
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
    let mut input = match &answering[task.position()].template {
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
    Ok(Prepared { task, input, cut })
}

fn render(template: &Template, row: &Row) -> Result<String> {
    let fields = row.fields().iter().filter_map(|(name, value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => return None,
        };
        Some((name.clone(), text))
    });
    let example = Example::new(fields, Place::new(Path::new("standard input"), row.line));
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
        let of_task = match &answering[task.position()].choice {
            Some((labels, candidates)) => {
                choose(prompted, task, labels, candidates, rows, &places)?
            }
            None => speak(prompted, task, rows, &places)?,
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
    rows: &[Prepared],
    places: &[usize],
) -> Result<Vec<Answer>> {
    let examples: Vec<TokenizedExample> = places
        .iter()
        .map(|&place| TokenizedExample {
            task: task.into(),
            input_ids: rows[place].input.clone(),
            target_ids: Vec::new(),
            label: None,
            gold: None,
        })
        .collect();
    let composition = prompted.prompts.as_ref().map(|prompts| prompts.composition());
    let t5 = prompted.model.t5.get();
    let scores = rank_rows(t5, composition, &examples, candidates, examples.len())?;
    let words = labels.words();
    scores
        .into_iter()
        .map(|scores| {
            let best = labels.rank(&scores)?;
            let label = labels.text(best);
            let raw_label = match best {
                Prediction::Label(index) => labels.raw(index).filter(|raw| *raw != label),
                Prediction::Score(_) | Prediction::Unknown => None,
            };
            let raw_label = raw_label.map(str::to_owned);
            let scores =
                words.iter().zip(scores).map(|(word, score)| (word.clone(), Value::from(score)));
            Ok(Answer::Label { label, raw_label, scores: scores.collect() })
        })
        .collect()
}

fn speak(
    prompted: &PromptedModel,
    task: TaskIndex,
    rows: &[Prepared],
    places: &[usize],
) -> Result<Vec<Answer>> {
    let inputs =
        prompted.inputs(places.iter().map(|&place| (Some(task), rows[place].input.as_slice())));
    let config = GenerationConfig::default();
    let t5 = &prompted.model.t5;
    t5.generate_from_embeddings(inputs.embeddings, inputs.mask, &config)?
        .iter()
        .map(|ids| Ok(Answer::Text { text: prompted.model.tokenizer()?.decode(ids)? }))
        .collect()
}
