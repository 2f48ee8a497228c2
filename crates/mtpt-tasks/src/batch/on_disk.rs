use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Mutex, PoisonError};

use crate::batch::error::BatchError;
use crate::batch::example::TokenizedExample;
use crate::batch::max_lengths::MaxLengths;
use crate::batch::truncated::Truncated;
use crate::error::Result;
use crate::labels::gold::Gold;
use crate::split::Split;
use crate::task::task::Task;
use crate::tokenize::Tokenize;
use crate::unknown_tokens::UnknownTokens;

/// The examples of a split as tokens in a temporary file, for data that does not fit in memory.
///
/// Examples are read by index, in any order. Memory holds 24 bytes per example, the file takes 4
/// bytes per token. The file has no name and is removed when the program ends. It is in the folder
/// for temporary files, set by `TMPDIR`, which should not be in memory itself. The examples and
/// their order are those of [`Task::read`] and [`TokenizedExample::tokenize_all`].
#[derive(Debug)]
pub struct ExamplesOnDisk {
    file: Mutex<File>,
    /// Offset of each example, and of the end of the last one.
    starts: Vec<u64>,
    gold: Vec<Gold>,
    task: usize,
    highest_token: u32,
    /// Counts of the inputs.
    unknown_tokens: UnknownTokens,
    truncated: Truncated,
}

/// Number of examples tokenized at a time.
const AT_ONCE: usize = 1_024;

/// Represents the absence of a label.
const NO_LABEL: u32 = u32::MAX;

impl ExamplesOnDisk {
    /// Reads and tokenizes a split of a task, and writes the tokens.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Task::stream`] and [`TokenizedExample::tokenize_all`], and
    /// [`BatchError::OnDisk`].
    pub fn write(
        task: usize,
        of: &Task,
        split: Split,
        tokenizer: &impl Tokenize,
        longest: MaxLengths,
    ) -> Result<Self> {
        let failed = |source| BatchError::OnDisk { source };
        let file = tempfile::tempfile().map_err(failed)?;
        let mut writer = BufWriter::new(file);
        let (mut starts, mut gold, mut at) = (vec![0], Vec::new(), 0_u64);
        let mut highest_token = 0;
        let mut unknown_tokens = UnknownTokens::default();
        let mut truncated = Truncated::default();
        let mut instances = of.stream(split)?;
        loop {
            let some = instances.by_ref().take(AT_ONCE).collect::<Result<Vec<_>>>()?;
            if some.is_empty() {
                break;
            }
            let (rows, truncated_here) =
                TokenizedExample::tokenize_counted(task, &some, tokenizer, longest)?;
            truncated += truncated_here;
            for (row, instance) in rows.into_iter().zip(&some) {
                let tokens = row.input_ids.iter().chain(&row.target_ids);
                highest_token = tokens.fold(highest_token, |highest, &token| highest.max(token));
                unknown_tokens.add_text(&instance.input, &row.input_ids, tokenizer);
                let label = row.label.map_or(NO_LABEL, |label| label as u32);
                let numbers = [label, row.input_ids.len() as u32].into_iter();
                for number in numbers.chain(row.input_ids).chain(row.target_ids) {
                    writer.write_all(&number.to_le_bytes()).map_err(failed)?;
                    at += size_of::<u32>() as u64;
                }
                starts.push(at);
            }
            gold.extend(some.into_iter().map(|instance| instance.gold));
        }
        let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
        starts.shrink_to_fit();
        gold.shrink_to_fit();
        let file = Mutex::new(file);
        Ok(Self { file, starts, gold, task, highest_token, unknown_tokens, truncated })
    }

    /// Returns the number of examples.
    pub fn len(&self) -> usize {
        self.gold.len()
    }

    /// Returns whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.gold.is_empty()
    }

    /// Returns the gold labels.
    pub fn gold(&self) -> &[Gold] {
        &self.gold
    }

    /// Returns the largest token id of all inputs and targets.
    pub fn highest_token(&self) -> u32 {
        self.highest_token
    }

    /// Returns how many tokens of the inputs are unknown.
    pub fn unknown_tokens(&self) -> UnknownTokens {
        self.unknown_tokens
    }

    /// Returns how many texts were truncated.
    pub fn truncated(&self) -> Truncated {
        self.truncated
    }

    /// Reads an example by its index.
    ///
    /// # Errors
    ///
    /// Returns [`BatchError::OnDisk`] if the file cannot be read.
    ///
    /// # Panics
    ///
    /// If there is no such example.
    pub fn read(&self, row: usize) -> Result<TokenizedExample> {
        let (start, end) = (self.starts[row], self.starts[row + 1]);
        let mut bytes = vec![0; (end - start) as usize];
        self.fill(start, &mut bytes).map_err(|source| BatchError::OnDisk { source })?;
        let mut numbers = bytes.chunks_exact(size_of::<u32>()).map(|bytes| {
            u32::from_le_bytes(bytes.try_into().expect("invariant: chunks of four bytes"))
        });
        let mut next = || numbers.next().expect("invariant: a row begins with two numbers");
        let (label, input) = (next(), next() as usize);
        let input_ids = numbers.by_ref().take(input).collect();
        Ok(TokenizedExample {
            task: self.task,
            input_ids,
            target_ids: numbers.collect(),
            label: (label != NO_LABEL).then_some(label as usize),
            gold: Some(self.gold[row]),
        })
    }

    fn fill(&self, start: u64, bytes: &mut [u8]) -> io::Result<()> {
        // A panic of another thread leaves no inconsistent state: the offset is set before each
        // read.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(bytes)
    }
}
