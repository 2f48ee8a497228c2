use crate::data::parquet_problem::ParquetProblem;

/// Limits of what a file may expand to.
///
/// In Parquet, the number of values and their size have no natural bound: one byte may stand for
/// any number of null values or repetitions of a text. Each limit is a constant, which small tables
/// don't reach, plus a multiple of the file's size.
pub(super) struct Limits {
    /// Size of the file.
    pub(super) length: u64,
    pages: Limit,
    texts: Limit,
    /// Bytes of pages and dictionaries that are in memory.
    held: u64,
}

/// An amount that may grow up to a limit.
struct Limit {
    found: u64,
    limit: u64,
    what: &'static str,
}

/// Values, and elements of the schema times rows. A table of 100,000 rows with two columns of the
/// same value in every row has 500,000.
const VALUES: u64 = 1 << 20;
const VALUES_PER_BYTE: u64 = 16;

/// Bytes of all pages after decompression, one after the other.
const PAGES: u64 = 32 << 20;
const PAGES_PER_BYTE: u64 = 100;

/// Bytes of all texts, one after the other. Questions about the same long text, which a dictionary
/// stores once, have a factor of about 10.
const TEXTS: u64 = 16 << 20;
const TEXTS_PER_BYTE: u64 = 40;

/// Bytes of pages at the same time, one of each column.
const HELD: u64 = 24 << 20;
const HELD_PER_BYTE: u64 = 16;

/// Items of one list.
const ITEMS: u64 = 1 << 17;

/// Bytes of the schema's column names, which contain those of their groups.
const NAMES: u64 = 1 << 20;
const NAMES_PER_BYTE: u64 = 8;

impl Limits {
    pub(super) fn new(length: u64) -> Self {
        let limit = |what, constant, factor| Limit {
            found: 0,
            limit: scaled(length, constant, factor),
            what,
        };
        Self {
            length,
            pages: limit("bytes of decompressed pages", PAGES, PAGES_PER_BYTE),
            texts: limit("bytes of text", TEXTS, TEXTS_PER_BYTE),
            held: 0,
        }
    }

    /// Checks the number of values, or of rows times columns.
    pub(super) fn check_values(&self, found: u64) -> Result<(), ParquetProblem> {
        self.check("values", found, scaled(self.length, VALUES, VALUES_PER_BYTE))
    }

    /// Checks the total length of the columns' names.
    pub(super) fn check_names(&self, found: u64) -> Result<(), ParquetProblem> {
        self.check("bytes of column names", found, scaled(self.length, NAMES, NAMES_PER_BYTE))
    }

    /// Checks the number of items of a list.
    pub(super) fn check_items(&self, found: usize) -> Result<(), ParquetProblem> {
        self.check("items of a list", found as u64, scaled(self.length, ITEMS, 1))
    }

    /// Counts the bytes of a text.
    pub(super) fn count_text(&mut self, bytes: usize) -> Result<(), ParquetProblem> {
        self.texts.count(bytes as u64, self.length)
    }

    /// Counts the bytes of a decompressed page before it is decompressed.
    pub(super) fn hold_page(&mut self, bytes: usize) -> Result<(), ParquetProblem> {
        self.pages.count(bytes as u64, self.length)?;
        self.held = self.held.saturating_add(bytes as u64);
        self.check(
            "bytes of pages at the same time",
            self.held,
            scaled(self.length, HELD, HELD_PER_BYTE),
        )
    }

    /// Counts the bytes of a page that is no longer in memory.
    pub(super) fn release_page(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes as u64);
    }

    fn check(&self, what: &'static str, found: u64, limit: u64) -> Result<(), ParquetProblem> {
        if found <= limit {
            return Ok(());
        }
        Err(ParquetProblem::TooLarge { what, found, limit, length: self.length })
    }
}

impl Limit {
    fn count(&mut self, more: u64, length: u64) -> Result<(), ParquetProblem> {
        self.found = self.found.saturating_add(more);
        if self.found <= self.limit {
            return Ok(());
        }
        let Self { found, limit, what } = *self;
        Err(ParquetProblem::TooLarge { what, found, limit, length })
    }
}

fn scaled(length: u64, constant: u64, factor: u64) -> u64 {
    constant.saturating_add(length.saturating_mul(factor))
}
