use std::collections::HashMap;
use std::path::Path;

use crate::batch::example::TokenizedExample;
use crate::batch::max_lengths::MaxLengths;
use crate::corpus::chunks::Chunks;
use crate::corpus::corpus::Corpus;
use crate::corpus::documents::DocumentFormat;
use crate::corpus::error::CorpusError;
use crate::corpus::objective::TextObjective;
use crate::corpus::special_tokens::SpecialTokens;
use crate::data::error::DataError;
use crate::error::{Error, Result};
use crate::sampling::permutation::hash;
use crate::split::Split;
use crate::tokenize::Tokenize;

/// A corpus as chunks of tokens, from which training examples are made.
///
/// The chunks are fixed; the spans of a chunk are sampled each time that it is used.
#[derive(Clone, Debug)]
pub struct CorpusTokens {
    corpus: Corpus,
    special: SpecialTokens,
    max_text_length: usize,
    train: Chunks,
    dev: Chunks,
}

/// Domain of hashes, so that no two uses of a seed share random numbers.
const FOR_TRAIN: u64 = 3;
const FOR_DEV: u64 = 4;

impl CorpusTokens {
    /// Reads and tokenizes the files of a corpus, and splits them into chunks of the maximum length
    /// that fits the maximum lengths and the number of sentinels.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InCorpus`] around [`CorpusError::NoSentinel`],
    /// [`CorpusError::ChunkLengths`], [`DataError::NoRows`] for a file without documents,
    /// [`CorpusError::NoChunk`], [`Error::Tokenize`], [`CorpusError::SentinelInText`], and the
    /// errors of [`Documents`](crate::corpus::Documents).
    pub fn read(
        corpus: Corpus,
        tokenizer: &impl Tokenize,
        special: SpecialTokens,
        max_lengths: MaxLengths,
    ) -> Result<Self> {
        let name = corpus.id().clone();
        Self::read_files(corpus, tokenizer, special, max_lengths)
            .map_err(|error| error.in_corpus(&name))
    }

    fn read_files(
        corpus: Corpus,
        tokenizer: &impl Tokenize,
        special: SpecialTokens,
        max_lengths: MaxLengths,
    ) -> Result<Self> {
        let fills_in = matches!(corpus.objective(), TextObjective::SpanCorruption(_));
        if fills_in && special.sentinels.is_empty() {
            return Err(CorpusError::NoSentinel.into());
        }
        let chunk_length = corpus.objective().max_text_length(max_lengths, special.sentinels.len());
        let Some(chunk_length) = chunk_length else {
            return Err(CorpusError::ChunkLengths {
                input: max_lengths.input,
                target: max_lengths.target,
            }
            .into());
        };
        let read = |split: Split| {
            let files = corpus.files(split);
            let documents = files.iter().flat_map(|path| {
                documents(path, &corpus, tokenizer, &special, fills_in).unwrap_or_else(|error| {
                    // A file that cannot be opened is an iterator over one error.
                    Box::new(std::iter::once(Err(error)))
                })
            });
            let chunks = Chunks::new(documents, chunk_length, corpus.is_packed())?;
            if chunks.is_empty() && !files.is_empty() {
                return Err(Error::from(CorpusError::NoChunk { split }));
            }
            Ok(chunks)
        };
        let (train, dev) = (read(Split::Train)?, read(Split::Dev)?);
        Ok(Self { corpus, special, max_text_length: chunk_length, train, dev })
    }

    /// Returns the corpus.
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// Returns the chunks of a split, or `None` for `test` and for a split without files.
    pub fn chunks(&self, split: Split) -> Option<&Chunks> {
        match split {
            Split::Train => Some(&self.train),
            Split::Dev => Some(&self.dev),
            Split::Test => None,
        }
    }

    /// Returns the number of tokens of a chunk, except for the last one of a text.
    pub fn chunk_length(&self) -> usize {
        self.max_text_length
    }

    /// Returns a training example: a pure function of the chunk, the seed of the run and the
    /// example's position among all examples of the run. The task is the corpus' position in the
    /// run.
    ///
    /// # Panics
    ///
    /// If there is no such chunk.
    pub fn row(&self, task: usize, chunk: usize, seed: u64, position: u64) -> TokenizedExample {
        self.example(task, self.train.get(chunk), hash(seed, [FOR_TRAIN, position]))
    }

    /// Returns the validation examples, which do not depend on the seed of the run.
    pub fn dev_rows(&self, task: usize) -> Vec<TokenizedExample> {
        (0..self.dev.len())
            .map(|chunk| self.example(task, self.dev.get(chunk), hash(0, [FOR_DEV, chunk as u64])))
            .collect()
    }

    fn example(&self, task: usize, chunk: &[u32], seed: u64) -> TokenizedExample {
        let (input_ids, target_ids) = self.corpus.objective().apply(chunk, &self.special, seed);
        TokenizedExample { task, input_ids, target_ids, label: None, gold: None }
    }
}

/// Returns the tokens of each document of a file, without the end of sentence.
fn documents<'a>(
    path: &'a Path,
    corpus: &Corpus,
    tokenizer: &'a impl Tokenize,
    special: &SpecialTokens,
    fills_in: bool,
) -> Result<Box<dyn Iterator<Item = Result<Vec<u32>>> + 'a>> {
    let format = corpus.config().format.unwrap_or_else(|| DocumentFormat::of(path));
    let end_of_sentence = special.end_of_sentence;
    // Only span corruption reserves the sentinels.
    let sentinels = special.sentinels.iter().copied().filter(|_| fills_in);
    let numbers: HashMap<u32, usize> = sentinels.zip(0..).collect();
    let mut documents = format.open(path, corpus.config().encoding)?.peekable();
    if documents.peek().is_none() {
        return Err(DataError::NoRows { path: path.to_path_buf() }.into());
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
            return Err(CorpusError::EndInText { location }.into());
        }
        match ids.iter().find_map(|id| numbers.get(id).copied()) {
            Some(number) => Err(CorpusError::SentinelInText { location, number }.into()),
            None => Ok(ids),
        }
    })))
}
