use std::collections::HashSet;
use std::path::Path;

use mtpt_io::fs::read_to_string;
use serde::Deserialize;
use toml::Spanned;

use crate::corpus::config::CorpusConfig;
use crate::corpus::corpus::Corpus;
use crate::corpus::error::CorpusError;
use crate::error::{Error, Result};
use crate::toml_text::{LineNumbers, read_toml};

/// Corpora of a TOML file: its `[[corpora]]` entries, if any, in the order of the file.
///
/// Relative paths are resolved against the folder of the file. Other keys of the file are ignored.
///
/// ```toml
/// [[corpora]]
/// name = "web"
/// train = ["web/1.txt", "web/2.jsonl"]
/// dev = "web/dev.txt"
/// objective = "span_corruption"
/// weight = 2.0
/// ```
#[derive(Clone, Debug)]
pub struct CorpusFile {
    corpora: Vec<Corpus>,
}

/// The keys of a configuration that are read here.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    corpora: Vec<Spanned<CorpusConfig>>,
}

impl CorpusFile {
    /// Reads and validates a file.
    ///
    /// # Errors
    ///
    /// Returns [`IoError`](crate::IoError), and the errors of [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self> {
        let text = read_to_string(path)?;
        Self::parse(&text, path)
    }

    /// Validates the text of a file.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Toml`], and [`Error::InFile`] around an error of [`Corpus::new`] or
    /// [`CorpusError::NameTaken`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Document = read_toml(text).map_err(|problem| Error::toml(path, problem))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let lines = LineNumbers::new(text);
        let mut names = HashSet::new();
        let mut corpora: Vec<Corpus> = Vec::with_capacity(document.corpora.len());
        for entry in document.corpora {
            let at = lines.of(entry.span().start);
            let mut config = entry.into_inner();
            for file in config.train.iter_mut().chain(&mut config.dev) {
                // An absolute path replaces the folder.
                *file = folder.join(&*file);
            }
            let name = config.name.clone();
            let corpus = if names.insert(name.clone()) {
                Corpus::new(config)
            } else {
                Err(CorpusError::NameTaken { name }.into())
            };
            corpora.push(corpus.map_err(|error| error.in_file(path, Some(at)))?);
        }
        Ok(Self { corpora })
    }

    /// Returns the corpora in the order of the file.
    pub fn corpora(&self) -> &[Corpus] {
        &self.corpora
    }

    /// Returns the corpora in the order of the file.
    pub fn into_corpora(self) -> Vec<Corpus> {
        self.corpora
    }
}
