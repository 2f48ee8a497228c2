use crate::error::Result;

/// Documents as tokens, split into chunks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    tokens: Vec<u32>,
    /// End of each chunk among the tokens.
    ends: Vec<usize>,
}

/// Minimum number of tokens of a chunk: one for the input, one for the target.
const SHORTEST: usize = 2;

impl Chunks {
    /// Splits documents into chunks of a length, at least 2. The last chunk may be shorter.
    ///
    /// Packed documents are concatenated without separators, as in T5's preprocessing for span
    /// corruption. Otherwise no chunk contains tokens of two documents, as there for prefix
    /// language modeling. A remainder of less than two tokens is dropped.
    ///
    /// # Errors
    ///
    /// Returns the first error among the documents.
    pub fn new<E>(
        documents: impl IntoIterator<Item = Result<Vec<u32>, E>>,
        length: usize,
        packed: bool,
    ) -> Result<Self, E> {
        let length = length.max(SHORTEST);
        let mut chunks = Self::default();
        for document in documents {
            chunks.tokens.extend(document?);
            if !packed {
                chunks.split(length);
            }
        }
        chunks.split(length);
        Ok(chunks)
    }

    /// Splits the tokens after the last chunk.
    fn split(&mut self, length: usize) {
        let mut start = self.ends.last().copied().unwrap_or(0);
        while self.tokens.len() - start >= SHORTEST {
            start = self.tokens.len().min(start + length);
            self.ends.push(start);
        }
        self.tokens.truncate(start);
    }

    /// Returns the number of chunks.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there are no chunks.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the tokens of a chunk.
    ///
    /// # Panics
    ///
    /// If there is no such chunk.
    pub fn get(&self, chunk: usize) -> &[u32] {
        let start = chunk.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.tokens[start..self.ends[chunk]]
    }

    /// Returns the tokens of all chunks.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[track_caller]
    fn check(documents: &[&[u32]], length: usize, packed: bool, expected: &[&[u32]]) {
        let documents = documents.iter().map(|document| Ok::<_, Infallible>(document.to_vec()));
        let Ok(chunks) = Chunks::new(documents, length, packed);
        let found: Vec<&[u32]> = (0..chunks.len()).map(|chunk| chunks.get(chunk)).collect();
        assert_eq!(found, expected);
        assert_eq!(chunks.tokens(), expected.concat());
    }

    #[test]
    fn joins_packed_documents() {
        check(&[&[1, 2, 3], &[4], &[5, 6]], 4, true, &[&[1, 2, 3, 4], &[5, 6]]);
        check(&[&[1, 2, 3], &[4], &[5]], 4, true, &[&[1, 2, 3, 4]]);
        check(&[&[1], &[2], &[], &[3, 4]], 2, true, &[&[1, 2], &[3, 4]]);
    }

    #[test]
    fn splits_each_document_separately() {
        check(&[&[1, 2, 3, 4, 5], &[6], &[7, 8]], 3, false, &[&[1, 2, 3], &[4, 5], &[7, 8]]);
        check(&[&[1, 2, 3, 4], &[5, 6]], 3, false, &[&[1, 2, 3], &[5, 6]]);
    }

    #[test]
    fn has_no_chunk_without_text() {
        check(&[], 4, true, &[]);
        check(&[&[], &[1]], 4, true, &[]);
        check(&[&[1], &[2]], 4, false, &[]);
    }
}
