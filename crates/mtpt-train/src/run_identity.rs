use mtpt_tasks::{CorpusConfig, CorpusTokens, Split, TaskId};
use serde::Serialize;

use crate::{Candidates, PretrainingData, TaskData};

/// What a run is, as its checkpoints remember it: its configuration, and what it learns from and is judged by.
///
/// Rows count as tokens, and what else is right as text, in their order: where their files lie and how the paths were spelled is no part of it, and a file that
/// changed under the same name is another.
#[derive(Serialize)]
pub(crate) struct RunIdentity<'a, C> {
    #[serde(flatten)]
    config: &'a C,
    tasks: Vec<Rows<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    corpora: Vec<Text>,
}

/// A task.
#[derive(Serialize)]
struct Rows<'a> {
    name: &'a TaskId,
    train: Tokens,
    dev: Tokens,
}

/// A corpus.
#[derive(Serialize)]
struct Text {
    #[serde(flatten)]
    config: CorpusConfig,
    tokens: [Tokens; 2],
}

/// Tokens, known again by their number and a checksum.
#[derive(Serialize)]
struct Tokens {
    count: usize,
    checksum: u32,
}

impl<'a, C: Serialize> RunIdentity<'a, C> {
    pub(crate) fn of_tasks(config: &'a C, tasks: &'a [TaskData]) -> Self {
        let rows = |task: &'a TaskData| Rows {
            name: task.task().id(),
            train: Tokens::of_rows(task, Split::Train),
            dev: Tokens::of_rows(task, Split::Dev),
        };
        Self { config, tasks: tasks.iter().map(rows).collect(), corpora: Vec::new() }
    }

    pub(crate) fn of_text_and_tasks(config: &'a C, data: &'a PretrainingData) -> Self {
        let corpora = data.corpora().iter().map(Text::new).collect();
        Self { corpora, ..Self::of_tasks(config, data.tasks()) }
    }
}

impl Text {
    fn new(corpus: &CorpusTokens) -> Self {
        let config = corpus.corpus().config().clone();
        let tokens = [Split::Train, Split::Dev].map(|split| {
            Tokens::new(corpus.chunks(split).into_iter().map(|chunks| chunks.tokens()))
        });
        Self { config: CorpusConfig { train: Vec::new(), dev: Vec::new(), ..config }, tokens }
    }
}

impl Tokens {
    fn of_rows(task: &TaskData, split: Split) -> Self {
        let rows = task.rows(split);
        let rows = rows.iter().flat_map(|row| [row.input_ids.as_slice(), &row.target_ids]);
        let choices = task.choices(split).iter().flat_map(Candidates::ids).map(Vec::as_slice);
        let (count, mut checksum) = Self::hash(rows.chain(choices));
        for references in task.references(split) {
            // What is right for a row cannot move to its neighbour either.
            checksum.update(&references.len().to_le_bytes());
            for text in references {
                checksum.update(&text.len().to_le_bytes());
                checksum.update(text.as_bytes());
            }
        }
        Self { count, checksum: checksum.finalize() }
    }

    fn new<'a>(parts: impl Iterator<Item = &'a [u32]>) -> Self {
        let (count, checksum) = Self::hash(parts);
        Self { count, checksum: checksum.finalize() }
    }

    fn hash<'a>(parts: impl Iterator<Item = &'a [u32]>) -> (usize, crc32fast::Hasher) {
        let (mut count, mut checksum) = (0, crc32fast::Hasher::new());
        for part in parts {
            count += part.len();
            // Its length first, so that a token cannot move from a part to its neighbour unnoticed.
            checksum.update(&part.len().to_le_bytes());
            part.iter().for_each(|token| checksum.update(&token.to_le_bytes()));
        }
        (count, checksum)
    }
}
