//! A small T5, a tokenizer, and two tasks whose data is written to a folder.
//!
//! The tests of `mtpt-train` include this file.

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use mtpt_core::Frozen;
use mtpt_infer::TaskData;
use mtpt_t5::T5;
use mtpt_tasks::{
    Format, LabelsConfig, MaxLengths, Task, TaskConfig, TaskId, Tokenize, TokenizeError, TokenizeFn,
};
use tempfile::TempDir;

pub(crate) struct SmallWorld {
    pub(crate) t5: Frozen<T5>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) data: Vec<TaskData>,
    pub(crate) folder: TempDir,
}

/// Maximum lengths that truncate nothing here, the defaults of training.
pub(crate) const MAX_LENGTHS: MaxLengths = MaxLengths { input: 256, target: 32 };

/// Loads a random T5 1.1 with 2 layers, width 16 and 96 tokens. Token 94 ends sentences.
pub(crate) fn t5(device: &Device) -> T5 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mtpt-t5/tests/fixtures/v1_1");
    T5::load(&folder, device).unwrap()
}

/// Hashes each word to a token, and appends the end of sentence.
pub(crate) fn tokenizer() -> impl Tokenize {
    TokenizeFn(|text: &str| -> Result<Vec<u32>, TokenizeError> {
        let hash = |word: &str| {
            word.bytes().fold(7_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 89) + 2
        };
        Ok(text.split_whitespace().map(hash).chain([94]).collect())
    })
}

pub(crate) fn task(folder: &Path, name: &str, words: [&str; 2], rows: usize) -> Task {
    let path = |split: &str| folder.join(format!("{name}.{split}.jsonl"));
    for split in ["train", "dev"] {
        let lines: String = (0..rows)
            .map(|row| {
                let kind = row % 2;
                let word = ["sun and light", "rain"][kind];
                format!("{{\"text\": \"day {row} brought {word}\", \"label\": \"{kind}\"}}\n")
            })
            .collect();
        fs::write(path(split), lines).unwrap();
    }
    let labels = [("0", words[0]), ("1", words[1])];
    Task::new(&TaskConfig {
        train: Some(path("train")),
        dev: Some(path("dev")),
        template: Some(format!("{name} {{text}}")),
        labels: Some(LabelsConfig::words(labels)),
        ..TaskConfig::new(TaskId::new(name).unwrap(), Format::JsonLines)
    })
    .unwrap()
}

impl SmallWorld {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let t5 = Frozen::new(t5(&Device::flex()));
        let tasks = vec![
            task(folder.path(), "mood", ["happy", "sad today"], 12),
            task(folder.path(), "wet", ["dry", "soaked"], 20),
        ];
        let data = TaskData::read(tasks.clone(), &tokenizer(), t5.get(), MAX_LENGTHS).unwrap();
        Self { t5, tasks, data, folder }
    }
}
