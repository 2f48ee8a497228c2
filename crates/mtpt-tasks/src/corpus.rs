use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use toml::Spanned;

use crate::batch::MaxLengths;
use crate::config::Split;
use crate::corpus_tokens::SpecialTokens;
use crate::document::DocumentFormat;
use crate::error::{Error, Result};
use crate::id::TaskId;
use crate::mixture::is_weight;
use crate::prefix_lm::PrefixLm;
use crate::span_corruption::SpanCorruption;
use crate::toml_text::{line_of, read_toml};

/// A corpus as a configuration file describes it; [`Corpus::new`] checks it.
///
/// | Key | Default | Purpose |
/// |---|---|---|
/// | `name` | | the corpus' name, a [`TaskId`] |
/// | `train` | | a file, or a list of files, to learn from |
/// | `dev` | none | a file, or a list, whose loss is measured |
/// | `format` | by the file's ending | `text` or `json_lines`, see [`DocumentFormat`] |
/// | `objective` | | `span_corruption` ([`SpanCorruption`]) or `prefix_lm` ([`PrefixLm`]) |
/// | `noise_density` | 0.15 | `span_corruption` alone: share of the tokens that are lost |
/// | `mean_span_length` | 3.0 | `span_corruption` alone: tokens of a span on average |
/// | `pack` | `true` for `span_corruption`, `false` for `prefix_lm` | whether a chunk may hold tokens of several documents, see [`Chunks`](crate::Chunks) |
/// | `weight` | 1.0 | how often it occurs beside the others, above 0 |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusConfig {
    /// Name of the corpus.
    pub name: TaskId,
    /// Files to learn from.
    #[serde(deserialize_with = "one_or_more")]
    pub train: Vec<PathBuf>,
    /// Files whose loss is measured.
    #[serde(default, deserialize_with = "one_or_more", skip_serializing_if = "Vec::is_empty")]
    pub dev: Vec<PathBuf>,
    /// How the files are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<DocumentFormat>,
    /// What is made of a chunk.
    pub objective: ObjectiveName,
    /// Share of the tokens that are lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_density: Option<f64>,
    /// Tokens of a span on average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_span_length: Option<f64>,
    /// Whether a chunk may hold tokens of several documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<bool>,
    /// How often it occurs beside the others.
    #[serde(default = "one")]
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

/// Name of a [`TextObjective`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ObjectiveName {
    /// See [`SpanCorruption`].
    SpanCorruption,
    /// See [`PrefixLm`].
    PrefixLm,
}

/// What is made of a chunk of text, so that there is an input and a target.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TextObjective {
    /// Spans are taken out and asked for.
    SpanCorruption(SpanCorruption),
    /// The rest is asked for.
    PrefixLm(PrefixLm),
}

impl TextObjective {
    /// Length of the longest chunk that fits the lengths and the number of sentinels; none, if there is not even one of
    /// two tokens.
    pub fn longest_text(&self, longest: MaxLengths, sentinels: usize) -> Option<usize> {
        match self {
            Self::SpanCorruption(objective) => objective.longest_text(longest, sentinels),
            Self::PrefixLm(objective) => objective.longest_text(longest),
        }
    }

    /// Input and target of a chunk: a pure function of the seed.
    ///
    /// # Panics
    ///
    /// When a chunk has more spans than there are sentinels.
    pub fn apply(
        &self,
        tokens: &[u32],
        special: &SpecialTokens,
        seed: u64,
    ) -> (Vec<u32>, Vec<u32>) {
        match self {
            Self::SpanCorruption(objective) => objective.corrupt(tokens, special, seed),
            Self::PrefixLm(objective) => objective.divide(tokens, special.end_of_sentence, seed),
        }
    }
}

/// A checked corpus: its files, and what is made of their text.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// As given, with every default filled in.
    config: CorpusConfig,
    objective: TextObjective,
}

impl Corpus {
    /// Checks a description, without a look at the files.
    ///
    /// # Errors
    ///
    /// [`Error::InCorpus`] around [`Error::NoCorpusFile`], [`Error::OutOfRange`] or [`Error::NotOfObjective`].
    pub fn new(config: CorpusConfig) -> Result<Self> {
        let name = config.name.clone();
        Self::check(config).map_err(|error| error.in_corpus(&name))
    }

    fn check(mut config: CorpusConfig) -> Result<Self> {
        if config.train.is_empty() {
            return Err(Error::NoCorpusFile);
        }
        if !is_weight(config.weight) {
            let (option, expected) = ("weight", "to be positive and finite");
            return Err(Error::OutOfRange { option, expected, found: config.weight });
        }
        let objective = match config.objective {
            ObjectiveName::SpanCorruption => {
                let default = SpanCorruption::default();
                let objective = SpanCorruption {
                    noise_density: config.noise_density.unwrap_or(default.noise_density),
                    mean_span_length: config.mean_span_length.unwrap_or(default.mean_span_length),
                };
                objective.check()?;
                config.noise_density = Some(objective.noise_density);
                config.mean_span_length = Some(objective.mean_span_length);
                TextObjective::SpanCorruption(objective)
            }
            ObjectiveName::PrefixLm => {
                let foreign = [
                    ("noise_density", config.noise_density),
                    ("mean_span_length", config.mean_span_length),
                ];
                if let Some((option, _)) = foreign.iter().find(|(_, value)| value.is_some()) {
                    return Err(Error::NotOfObjective {
                        option,
                        owner: "span_corruption",
                        objective: "prefix_lm",
                    });
                }
                TextObjective::PrefixLm(PrefixLm)
            }
        };
        let packed = config.objective == ObjectiveName::SpanCorruption;
        config.pack = Some(config.pack.unwrap_or(packed));
        Ok(Self { config, objective })
    }

    /// The name.
    pub fn id(&self) -> &TaskId {
        &self.config.name
    }

    /// The description, with every default filled in.
    pub fn config(&self) -> &CorpusConfig {
        &self.config
    }

    /// What is made of a chunk.
    pub fn objective(&self) -> &TextObjective {
        &self.objective
    }

    /// How often it occurs beside the others.
    pub fn weight(&self) -> f64 {
        self.config.weight
    }

    /// Whether a chunk may hold tokens of several documents.
    pub fn is_packed(&self) -> bool {
        self.config.pack == Some(true)
    }

    /// The files of a split; there is none for `test`.
    pub fn files(&self, split: Split) -> &[PathBuf] {
        match split {
            Split::Train => &self.config.train,
            Split::Dev => &self.config.dev,
            Split::Test => &[],
        }
    }
}

/// The corpora of a TOML file, in its order: its `[[corpora]]` entries, of which there may be none.
///
/// Relative paths begin at the folder of the file. Other keys of the file belong to others and are passed over.
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

/// The part of a configuration that is read here.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    corpora: Vec<Spanned<CorpusConfig>>,
}

impl CorpusFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] and those of [`parse`](Self::parse).
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_path_buf(), source })?;
        Self::parse(&text, path)
    }

    /// Checks the text of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Toml`] for another form than expected, and [`Error::InTaskFile`] around the error of [`Corpus::new`] or
    /// around [`Error::NameTaken`].
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let document: Document = read_toml(text).map_err(|problem| Error::toml(path, problem))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut corpora: Vec<Corpus> = Vec::with_capacity(document.corpora.len());
        for entry in document.corpora {
            let at = line_of(text, entry.span().start);
            let mut config = entry.into_inner();
            for file in config.train.iter_mut().chain(&mut config.dev) {
                // An absolute path replaces the folder.
                *file = folder.join(&*file);
            }
            let name = config.name.clone();
            let corpus = if corpora.iter().any(|corpus| corpus.id() == &name) {
                Err(Error::NameTaken { name })
            } else {
                Corpus::new(config)
            };
            corpora.push(corpus.map_err(|problem| Error::InTaskFile {
                file: path.to_path_buf(),
                line: Some(at),
                problem: Box::new(problem),
            })?);
        }
        Ok(Self { corpora })
    }

    /// The corpora, in the order of the file.
    pub fn corpora(&self) -> &[Corpus] {
        &self.corpora
    }

    /// The corpora, in the order of the file.
    pub fn into_corpora(self) -> Vec<Corpus> {
        self.corpora
    }
}

/// A path or a list of paths.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    struct Paths;
    impl<'de> Visitor<'de> for Paths {
        type Value = Vec<PathBuf>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a path or a list of paths")
        }

        fn visit_str<E>(self, path: &str) -> Result<Self::Value, E> {
            Ok(vec![path.into()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut paths = Vec::new();
            while let Some(path) = list.next_element()? {
                paths.push(path);
            }
            Ok(paths)
        }
    }
    deserializer.deserialize_any(Paths)
}
