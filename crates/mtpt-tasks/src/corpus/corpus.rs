use std::path::PathBuf;

use crate::corpus::config::CorpusConfig;
use crate::corpus::error::CorpusError;
use crate::corpus::objective::{ObjectiveName, TextObjective};
use crate::corpus::prefix_lm::PrefixLm;
use crate::corpus::span_corruption::SpanCorruption;
use crate::error::Result;
use crate::out_of_range::OutOfRange;
use crate::sampling::rates::is_weight;
use crate::split::Split;
use crate::task::id::TaskId;

/// A validated corpus: its files and its objective.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// The definition, with all defaults filled in.
    config: CorpusConfig,
    objective: TextObjective,
}

impl Corpus {
    /// Validates a definition without reading the files.
    ///
    /// # Errors
    ///
    /// Returns [`Error::InCorpus`](crate::Error::InCorpus) around [`CorpusError::NoFile`],
    /// [`OutOfRange`] or [`CorpusError::NotOfObjective`].
    pub fn new(config: CorpusConfig) -> Result<Self> {
        let name = config.name.clone();
        Self::check(config).map_err(|error| error.in_corpus(&name))
    }

    fn check(mut config: CorpusConfig) -> Result<Self> {
        if config.train.is_empty() {
            return Err(CorpusError::NoFile.into());
        }
        if !is_weight(config.weight) {
            let (option, expected) = ("weight", "to be positive and finite");
            return Err(OutOfRange { option, expected, found: config.weight }.into());
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
                    return Err(CorpusError::NotOfObjective {
                        option,
                        owner: "span_corruption",
                        objective: "prefix_lm",
                    }
                    .into());
                }
                TextObjective::PrefixLm(PrefixLm)
            }
        };
        let packed = config.objective == ObjectiveName::SpanCorruption;
        config.pack = Some(config.pack.unwrap_or(packed));
        Ok(Self { config, objective })
    }

    /// Returns the name.
    pub fn id(&self) -> &TaskId {
        &self.config.name
    }

    /// Returns the definition, with all defaults filled in.
    pub fn config(&self) -> &CorpusConfig {
        &self.config
    }

    /// Returns the objective.
    pub fn objective(&self) -> &TextObjective {
        &self.objective
    }

    /// Returns the sampling weight relative to other corpora.
    pub fn weight(&self) -> f64 {
        self.config.weight
    }

    /// Returns whether a chunk may contain several documents.
    pub fn is_packed(&self) -> bool {
        self.config.pack == Some(true)
    }

    /// Returns the files of a split; `test` has none.
    pub fn files(&self, split: Split) -> &[PathBuf] {
        match split {
            Split::Train => &self.config.train,
            Split::Dev => &self.config.dev,
            Split::Test => &[],
        }
    }
}
