use std::collections::HashMap;
use std::path::Path;

use crate::batch::{MaxLengths, TokenizedExample};
use crate::chunks::Chunks;
use crate::config::Split;
use crate::corpus::{Corpus, TextObjective};
use crate::document::DocumentFormat;
use crate::error::{Error, Result};
use crate::permutation::hash;
use crate::tokenize::Tokenize;

/// The tokens that an objective puts into a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Ends inputs and targets.
    pub end_of_sentence: u32,
    /// Stand for what is missing, the first one (`<extra_id_0>` of T5) for the first span.
    pub sentinels: Vec<u32>,
}

/// A corpus as chunks of tokens, from which rows are made.
///
/// The chunks are made once; what a row asks of its chunk is drawn each time that the chunk is seen.
#[derive(Clone, Debug)]
pub struct CorpusTokens {
    corpus: Corpus,
    special: SpecialTokens,
    longest: usize,
    train: Chunks,
    dev: Chunks,
}

/// What a seed is used for, so that no two uses share their numbers.
const FOR_TRAIN: u64 = 3;
const FOR_DEV: u64 = 4;

impl CorpusTokens {
    /// Reads the files of a corpus, turns documents into tokens and cuts them into chunks: the longest whose input and
    /// target are not too long and that do with the sentinels there are.
    ///
    /// # Errors
    ///
    /// [`Error::InCorpus`] around [`Error::NoSentinel`], [`Error::ChunkLengths`], [`Error::NoRows`] for a file without a
    /// document, [`Error::NoChunk`], [`Error::Tokenize`], [`Error::SentinelInText`], and the errors of
    /// [`Documents`](crate::Documents).
    pub fn read(
        corpus: Corpus,
        tokenizer: &impl Tokenize,
        special: SpecialTokens,
        longest: MaxLengths,
    ) -> Result<Self> {
        let name = corpus.id().clone();
        Self::read_files(corpus, tokenizer, special, longest)
            .map_err(|error| error.in_corpus(&name))
    }

    fn read_files(
        corpus: Corpus,
        tokenizer: &impl Tokenize,
        special: SpecialTokens,
        longest: MaxLengths,
    ) -> Result<Self> {
        let fills_in = matches!(corpus.objective(), TextObjective::SpanCorruption(_));
        if fills_in && special.sentinels.is_empty() {
            return Err(Error::NoSentinel);
        }
        let chunk_length = corpus.objective().longest_text(longest, special.sentinels.len());
        let Some(chunk_length) = chunk_length else {
            return Err(Error::ChunkLengths { input: longest.input, target: longest.target });
        };
        let read = |split: Split| {
            let files = corpus.files(split);
            let documents = files.iter().flat_map(|path| {
                documents(path, &corpus, tokenizer, &special, fills_in).unwrap_or_else(|error| {
                    // A file that cannot be opened is a list of one error.
                    Box::new(std::iter::once(Err(error)))
                })
            });
            let chunks = Chunks::new(documents, chunk_length, corpus.is_packed())?;
            if chunks.is_empty() && !files.is_empty() {
                return Err(Error::NoChunk { split });
            }
            Ok(chunks)
        };
        let (train, dev) = (read(Split::Train)?, read(Split::Dev)?);
        Ok(Self { corpus, special, longest: chunk_length, train, dev })
    }

    /// The corpus.
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// The chunks of a split; there are none for `test`, nor where the corpus names no file.
    pub fn chunks(&self, split: Split) -> Option<&Chunks> {
        match split {
            Split::Train => Some(&self.train),
            Split::Dev => Some(&self.dev),
            Split::Test => None,
        }
    }

    /// Tokens of a chunk, unless it is the last of a text.
    pub fn chunk_length(&self) -> usize {
        self.longest
    }

    /// A row to learn from: a pure function of the chunk, the seed of the run and the row's position among all rows of the run,
    /// so that a chunk asks for something else each time it is seen. The task is the corpus' position in the run.
    ///
    /// # Panics
    ///
    /// When there is no such chunk.
    pub fn row(&self, task: u32, chunk: usize, seed: u64, position: u64) -> TokenizedExample {
        self.example(task, self.train.get(chunk), hash(seed, [FOR_TRAIN, position]))
    }

    /// The rows whose loss is measured: always the same ones, whatever the seed of the run.
    pub fn dev_rows(&self, task: u32) -> Vec<TokenizedExample> {
        (0..self.dev.len())
            .map(|chunk| self.example(task, self.dev.get(chunk), hash(0, [FOR_DEV, chunk as u64])))
            .collect()
    }

    fn example(&self, task: u32, chunk: &[u32], seed: u64) -> TokenizedExample {
        let (input_ids, target_ids) = self.corpus.objective().apply(chunk, &self.special, seed);
        TokenizedExample { task, input_ids, target_ids, label: None, gold: None }
    }
}

/// The tokens of each document of a file, without the end of sentence.
fn documents<'a>(
    path: &'a Path,
    corpus: &Corpus,
    tokenizer: &'a impl Tokenize,
    special: &SpecialTokens,
    fills_in: bool,
) -> Result<Box<dyn Iterator<Item = Result<Vec<u32>>> + 'a>> {
    let format = corpus.config().format.unwrap_or_else(|| DocumentFormat::of(path));
    let end_of_sentence = special.end_of_sentence;
    // Elsewhere than in span corruption a sentinel is a token like any other.
    let sentinels = special.sentinels.iter().copied().filter(|_| fills_in);
    let numbers: HashMap<u32, usize> = sentinels.zip(0..).collect();
    let mut documents = format.open(path)?.peekable();
    if documents.peek().is_none() {
        return Err(Error::NoRows { path: path.to_path_buf() });
    }
    Ok(Box::new(documents.map(move |document| {
        let (text, location) = document?;
        let mut ids = tokenizer
            .tokenize(&text)
            .map_err(|problem| Error::Tokenize { location: location.clone(), problem })?;
        if ids.last() == Some(&end_of_sentence) {
            ids.pop();
        }
        if ids.contains(&end_of_sentence) {
            return Err(Error::EndInText { location });
        }
        match ids.iter().find_map(|id| numbers.get(id).copied()) {
            Some(number) => Err(Error::SentinelInText { location, number }),
            None => Ok(ids),
        }
    })))
}
