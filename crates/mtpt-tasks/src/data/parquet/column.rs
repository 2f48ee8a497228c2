use std::sync::Arc;

use crate::data::parquet::decompress::decompress;
use crate::data::parquet::metadata::Chunk;
use crate::data::parquet::page::{Levels, Page};
use crate::data::parquet::page_header::{Content, LevelBytes, PageHeader};
use crate::data::parquet::schema::Leaf;
use crate::data::parquet::source::Source;
use crate::data::parquet::values::Dictionary;
use crate::data::parquet_problem::{ColumnProblem, ParquetProblem};

type Result<T> = std::result::Result<T, ParquetProblem>;

/// Number of bytes that are read to find a page header. It may be longer if it has statistics.
const HEADER: u64 = 1 << 10;
/// Maximum number of bytes of a page header.
const MAX_HEADER: u64 = 16 << 20;

/// Position in a column of a row group.
pub(super) struct Column {
    pub(super) leaf: Arc<Leaf>,
    /// Number of the row group, counted from 1.
    group: usize,
    codec: i32,
    /// Place of the next page.
    start: u64,
    end: u64,
    /// Number of values that have not been read.
    left: u64,
    dictionary: Option<Dictionary>,
    page: Option<Page>,
    /// Levels of the next value, if they have been read.
    next: Option<Levels>,
}

impl Column {
    /// Creates the position of the first value of a row group's column with a number of rows.
    pub(super) fn new(
        leaf: &Arc<Leaf>,
        chunk: &Chunk,
        (group, rows): (usize, u64),
        source: &Source,
    ) -> Result<Self> {
        let end = chunk.start.saturating_add(chunk.length);
        let (start, length) = (chunk.start, source.data_end);
        let problem = if leaf.physical.code() != chunk.physical {
            Some(ColumnProblem::Type)
        } else if start < 4 || end > length {
            Some(ColumnProblem::Place { start, end, length })
        } else if chunk.values < rows {
            Some(ColumnProblem::Count { found: chunk.values, rows })
        } else {
            None
        };
        let column = Self {
            leaf: Arc::clone(leaf),
            group,
            codec: chunk.codec,
            start,
            end,
            left: chunk.values,
            dictionary: None,
            page: None,
            next: None,
        };
        problem.map_or(Ok(()), |problem| Err(column.failed(problem)))?;
        Ok(column)
    }

    /// Returns the levels of the next value, or `None` at the end of the row group.
    pub(super) fn peek(&mut self, source: &mut Source) -> Result<Option<Levels>> {
        if self.next.is_none() && self.left > 0 {
            self.next = Some(self.next_levels(source)?);
            self.left -= 1;
        }
        Ok(self.next)
    }

    fn next_levels(&mut self, source: &mut Source) -> Result<Levels> {
        // A column without levels needs no pages if its values are not read.
        if !self.leaf.is_read && self.leaf.max_definition == 0 {
            return Ok(Levels::default());
        }
        loop {
            match self.page.as_mut().map(Page::next_levels) {
                Some(Ok(Some(levels))) => return Ok(levels),
                Some(Err(problem)) => return Err(self.failed(problem)),
                Some(Ok(None)) | None => self.read_page(source)?,
            }
        }
    }

    /// Returns the next value, whose levels have been read, or `None` if it is null or its column
    /// is not read.
    pub(super) fn take(&mut self) -> Result<Option<&[u8]>> {
        let levels = self.next.take().unwrap_or_default();
        let Self { leaf, group, page: Some(page), dictionary, .. } = self else { return Ok(None) };
        if !leaf.is_read || levels.definition < leaf.max_definition {
            return Ok(None);
        }
        page.next_value(dictionary.as_ref())
            .map(Some)
            .map_err(|problem| in_column(leaf, *group, problem))
    }

    /// Skips the rest of a row.
    pub(super) fn skip_row(&mut self, source: &mut Source) -> Result<()> {
        self.peek(source)?;
        self.take()?;
        while self.peek(source)?.is_some_and(|levels| levels.repetition > 0) {
            self.take()?;
        }
        Ok(())
    }

    /// Counts the pages in memory as released, at the end of a row group.
    pub(super) fn release(&mut self, source: &mut Source) {
        self.release_page(source);
        if let Some(dictionary) = self.dictionary.take() {
            source.limits.release_page(dictionary.len() * Dictionary::BYTES);
        }
    }

    fn release_page(&mut self, source: &mut Source) {
        if let Some(page) = self.page.take() {
            source.limits.release_page(page.len());
        }
    }

    /// Creates the error for this column.
    pub(super) fn failed(&self, problem: ColumnProblem) -> ParquetProblem {
        in_column(&self.leaf, self.group, problem)
    }

    fn read_page(&mut self, source: &mut Source) -> Result<()> {
        self.release_page(source);
        let header = self.read_header(source)?;
        let available = self.end - self.start;
        let claimed = header.compressed;
        if claimed > available {
            return Err(self.failed(ColumnProblem::PageSize { claimed, available }));
        }
        let start = self.start;
        self.start += claimed;
        let size = usize::try_from(header.uncompressed).unwrap_or(usize::MAX);
        match header.content {
            Content::Other => Ok(()),
            Content::Dictionary { values } => {
                self.release(source);
                source.limits.hold_page(size.saturating_mul(Dictionary::BYTES))?;
                let bytes = source.read(start, claimed)?;
                let dictionary = decompress(self.codec, bytes, size)
                    .and_then(|page| Dictionary::new(page, self.leaf.physical, values));
                self.dictionary = Some(dictionary.map_err(|problem| self.failed(problem))?);
                Ok(())
            }
            Content::Data { values, encoding, levels } => {
                if values > self.left {
                    let (claimed, available) = (values, self.left);
                    return Err(self.failed(ColumnProblem::PageCount { claimed, available }));
                }
                source.limits.hold_page(size)?;
                let bytes = source.read(start, claimed)?;
                let page = self
                    .decompress(bytes, size, &levels)
                    .and_then(|page| Page::new(page, &self.leaf, (values, encoding), &levels));
                self.page = Some(page.map_err(|problem| self.failed(problem))?);
                Ok(())
            }
        }
    }

    /// Decompresses a page, except levels that are not compressed.
    fn decompress(
        &self,
        mut bytes: Vec<u8>,
        size: usize,
        levels: &LevelBytes,
    ) -> std::result::Result<Vec<u8>, ColumnProblem> {
        let LevelBytes::Before { definition, repetition, is_compressed } = levels else {
            return decompress(self.codec, bytes, size);
        };
        let claimed = definition.saturating_add(*repetition);
        let available = bytes.len().min(size) as u64;
        if claimed > available {
            return Err(ColumnProblem::PageSize { claimed, available });
        }
        let codec = if *is_compressed { self.codec } else { 0 };
        let claimed = usize::try_from(claimed).unwrap_or(usize::MAX);
        let values = decompress(codec, bytes.split_off(claimed), size - claimed)?;
        bytes.extend_from_slice(&values);
        Ok(bytes)
    }

    /// Reads the header of the next page, and moves to the page after it.
    fn read_header(&mut self, source: &mut Source) -> Result<PageHeader> {
        let available = self.end - self.start;
        if available == 0 {
            return Err(self.failed(ColumnProblem::Ends { what: "its pages" }));
        }
        let mut header = PageHeader::parse(&source.read(self.start, available.min(HEADER))?);
        if header.is_err() && available > HEADER {
            header = PageHeader::parse(&source.read(self.start, available.min(MAX_HEADER))?);
        }
        let header =
            header.map_err(|problem| self.failed(ColumnProblem::Header(Box::new(problem))))?;
        self.start += header.length as u64;
        Ok(header)
    }
}

fn in_column(leaf: &Leaf, group: usize, problem: ColumnProblem) -> ParquetProblem {
    ParquetProblem::Column { column: leaf.name.chars().take(100).collect(), group, problem }
}
