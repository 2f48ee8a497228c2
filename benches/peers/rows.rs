//! Tokenized data, written once and read by both sides.

use std::path::Path;

use mtpt::ModelTokenizer;
use mtpt::infer::Candidates;
use mtpt::io::fs::write_atomic;
use mtpt::t5::T5Tokenizer;
use mtpt::tasks::benchmarks::glue;
use mtpt::tasks::{
    Format, LabelsConfig, MaxLengths, Mixture, MixtureConfig, Split, Task, TaskConfig, TaskId,
    TokenizedExample,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Tasks of the adapter.
pub(crate) const TASKS: usize = 8;
/// Rows of a step of equal length, and of a generation batch.
const ROWS: usize = 16;
/// Tokens of their inputs and targets.
const LENGTHS: (usize, usize) = (128, 4);
/// Rows of each task in a batch of the mixture.
const ROWS_OF_TASK: usize = 4;
/// Maximum input and target length of real rows.
const LONGEST: MaxLengths = MaxLengths { input: 256, target: 16 };
const END: u32 = 1;
const SEED: u64 = 0;

/// A row for training or generation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) task: usize,
    pub(crate) input_ids: Vec<u32>,
    pub(crate) target_ids: Vec<u32>,
}

impl Row {
    pub(crate) fn example(&self) -> TokenizedExample {
        let (input_ids, target_ids) = (self.input_ids.clone(), self.target_ids.clone());
        TokenizedExample { task: self.task, input_ids, target_ids, label: None, gold: None }
    }
}

impl From<&TokenizedExample> for Row {
    fn from(row: &TokenizedExample) -> Self {
        let (input_ids, target_ids) = (row.input_ids.clone(), row.target_ids.clone());
        Self { task: row.task, input_ids, target_ids }
    }
}

/// Evaluation rows of a task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TaskRows {
    pub(crate) name: String,
    /// Tokens of each label word, including the end-of-sequence token.
    pub(crate) candidates: Vec<Vec<u32>>,
    pub(crate) rows: Vec<Vec<u32>>,
}

/// A text and its label words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) task: usize,
    pub(crate) text: String,
    pub(crate) words: Vec<String>,
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

/// Writes the data file of each work.
pub(crate) fn prepare(
    data: &Path,
    tokenizer: &Path,
    output: &Path,
    batches: usize,
    dev_rows: Option<usize>,
) -> Result<()> {
    std::fs::create_dir_all(output)?;
    let write = |name: &str, value: &serde_json::Value| -> Result<()> {
        Ok(write_atomic(&output.join(name), &serde_json::to_vec(value)?)?)
    };
    let even = even_rows(SEED);
    write("steps.json", &serde_json::to_value([&even])?)?;
    write("generation.json", &serde_json::to_value(&even)?)?;
    write("limit.json", &serde_json::Value::Null)?;

    let tokenizer = T5Tokenizer::from_tokenizer_json(&tokenizer.join("tokenizer.json"))?;
    let tokenizer = &ModelTokenizer::from(tokenizer);
    let (mut to_learn, mut to_evaluate) = (Vec::new(), Vec::new());
    for (number, config) in (0..TASKS).zip(tasks(data)?) {
        let task = Task::new(&config)?;
        let rows = |split| -> Result<Vec<TokenizedExample>> {
            Ok(TokenizedExample::tokenize_all(number, &task.read(split)?, tokenizer, LONGEST)?)
        };
        to_learn.push(rows(Split::Train)?);
        let mut rows: Vec<Vec<u32>> =
            rows(Split::Dev)?.into_iter().map(|row| row.input_ids).collect();
        rows.truncate(dev_rows.unwrap_or(rows.len()));
        let candidates = Candidates::new(task.id(), task.labels().words(), tokenizer)?;
        to_evaluate.push(TaskRows {
            name: task.id().leaf().to_owned(),
            candidates: candidates.ids().to_vec(),
            rows,
        });
        if task.id().leaf() == "sst2" {
            let text = task.read(Split::Dev)?.swap_remove(0).input;
            let words = task.labels().words().to_vec();
            write("cold.json", &serde_json::to_value(Asked { task: number, text, words })?)?;
        }
    }
    write("mixture.json", &serde_json::to_value(mixture(&to_learn, batches, SEED)?)?)?;
    write("evaluation.json", &serde_json::to_value(to_evaluate)?)
}

/// Returns five GLUE tasks with T5's templates, and three text classification tasks.
fn tasks(data: &Path) -> Result<Vec<TaskConfig>> {
    let folder = |name: &str| data.join("glue").join(name);
    let text = |name: &str| -> Result<TaskConfig> {
        let folder = data.join("text").join(name);
        Ok(TaskConfig {
            train: Some(folder.join("train.jsonl")),
            dev: Some(folder.join("dev.jsonl")),
            template: Some(format!("{name}: {{text}}")),
            labels: Some(LabelsConfig::Verbatim),
            ..TaskConfig::new(TaskId::new(name)?, Format::JsonLines)
        })
    };
    Ok(vec![
        glue::cola(&folder("CoLA")),
        glue::mrpc(&folder("MRPC")),
        glue::rte(&folder("RTE")),
        glue::sst2(&folder("SST-2")),
        glue::stsb(&folder("STS-B")),
        text("trec")?,
        text("subj")?,
        text("mpqa")?,
    ])
}

/// Returns rows of equal length with random tokens.
fn even_rows(seed: u64) -> Vec<Row> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut ids = |length: usize| -> Vec<u32> {
        let mut ids: Vec<u32> = (1..length).map(|_| rng.random_range(2..32_000)).collect();
        ids.push(END);
        ids
    };
    (0..ROWS)
        .map(|row| Row { task: row % TASKS, input_ids: ids(LENGTHS.0), target_ids: ids(LENGTHS.1) })
        .collect()
}

/// Returns batches with equally many rows per task: PEFT stores all tasks in one tensor, where
/// AdamW also changes tasks missing from a batch, so both sides only take the same steps if each
/// batch contains all tasks. The seed determines the order of a task's rows.
fn mixture(tasks: &[Vec<TokenizedExample>], batches: usize, seed: u64) -> Result<Vec<Vec<Row>>> {
    let orders = tasks
        .iter()
        .map(|rows| Mixture::new(&MixtureConfig::default(), &[rows.len()], seed))
        .collect::<Result<Vec<_>, _>>()?;
    let batch = |step: usize| {
        let of_tasks = tasks.iter().zip(&orders);
        of_tasks
            .flat_map(|(rows, order)| {
                let picks = order.batch(step as u64, ROWS_OF_TASK).into_iter();
                picks.map(|pick| Row::from(&rows[pick.row]))
            })
            .collect()
    };
    Ok((0..batches).map(batch).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn even_rows_are_even_and_drawn() {
        let rows = even_rows(3);
        assert_eq!(rows.len(), 16);
        assert_eq!(rows, even_rows(3));
        assert_ne!(rows, even_rows(4));
        for row in &rows {
            assert_eq!((row.input_ids.len(), row.target_ids.len()), LENGTHS);
            assert!(row.input_ids.iter().all(|&id| (1..32_128).contains(&id)));
            assert_eq!((row.input_ids[127], row.target_ids[3]), (END, END));
        }
        let tasks: HashSet<usize> = rows.iter().map(|row| row.task).collect();
        assert_eq!(tasks.len(), 8);
    }

    #[test]
    fn every_batch_has_every_task_and_rows_do_not_come_again_too_soon() {
        let row = |task, number| TokenizedExample {
            task,
            input_ids: vec![number, END],
            target_ids: vec![END],
            label: None,
            gold: None,
        };
        let tasks: Vec<Vec<TokenizedExample>> =
            (0..3).map(|task| (0..10).map(|number| row(task, number)).collect()).collect();
        let batches = mixture(&tasks, 2, 0).unwrap();
        assert_eq!(batches.len(), 2);
        let mut seen = HashSet::new();
        for batch in &batches {
            assert_eq!(batch.len(), 3 * ROWS_OF_TASK);
            for task in 0..3 {
                assert_eq!(batch.iter().filter(|row| row.task == task).count(), ROWS_OF_TASK);
            }
            assert!(batch.iter().all(|row| seen.insert((row.task, row.input_ids[0]))));
        }
    }
}
