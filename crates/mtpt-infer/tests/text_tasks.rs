//! Tasks with free text or candidates per row, and a tokenizer that converts both ways.
//!
//! The tests of `mtpt-train` include this file.

use std::fs;
use std::sync::Arc;

use mtpt_tasks::{
    Detokenize, DetokenizeError, Format, LabelsConfig, TaskConfig, TaskId, Tokenize, TokenizeError,
};
use tempfile::TempDir;

/// Maps each word of a short list to a token.
#[derive(Clone, Copy)]
pub(crate) struct WordList;

const WORDS: [&str; 8] = ["sun", "rain", "snow", "today", "tonight", "what", "comes", "say"];

/// The end-of-sentence token.
pub(crate) const END: u32 = 94;

impl Tokenize for WordList {
    fn tokenize(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        let token = |word: &str| {
            let position = WORDS.iter().position(|known| *known == word);
            position.map(|position| position as u32 + 10).ok_or_else(|| TokenizeError::new(word))
        };
        text.split_whitespace().map(token).chain([Ok(END)]).collect()
    }

    fn detokenizer(&self) -> Option<Arc<dyn Detokenize + Send + Sync>> {
        Some(Arc::new(*self))
    }
}

impl Detokenize for WordList {
    fn detokenize(&self, ids: &[u32]) -> Result<String, DetokenizeError> {
        let words = ids.iter().filter(|&&id| id != END);
        let word = |&id: &u32| WORDS.get((id as usize).wrapping_sub(10)).copied().unwrap_or("?");
        Ok(words.map(word).collect::<Vec<_>>().join(" "))
    }
}

/// Writes the rows of a task to a folder.
pub(crate) fn text_task(
    folder: &TempDir,
    name: &str,
    rows: &str,
    labels: LabelsConfig,
) -> TaskConfig {
    let path = folder.path().join(format!("{name}.jsonl"));
    fs::write(&path, rows).unwrap();
    TaskConfig {
        train: Some(path.clone()),
        dev: Some(path),
        template: Some("{text}".into()),
        labels: Some(labels),
        ..TaskConfig::new(TaskId::new(name).unwrap(), Format::JsonLines)
    }
}
