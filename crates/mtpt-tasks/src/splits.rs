use serde::{Deserialize, Serialize};

use crate::config::{Split, TaskConfig};
use crate::error::{Error, Result};
use crate::format::Format;
use crate::torch_permutation::torch_permutation;

/// Splits that others report their results on, made of the files that everybody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Splits {
    /// Those of Compacter (Mahabadi et al. 2021), ATTEMPT (Asai et al. 2022) and MPT (Wang et al. 2023), since GLUE's and SuperGLUE's
    /// own test files have no labels.
    ///
    /// | Tasks | `dev` | `test` |
    /// |---|---|---|
    /// | CoLA, MRPC, RTE, STS-B, WNLI, and all of SuperGLUE but ReCoRD | half of the file `dev`, rounded down | its other half |
    /// | QNLI, QQP, SST-2 | 1,000 rows of the file `train`, which are learned from no longer | the file `dev` |
    /// | MNLI | its file, which should be the mismatched one | its file, which should be the matched one |
    ///
    /// The rows are drawn as `attempt/data/tasks.py` of `AkariAsai/ATTEMPT` draws them: `torch.randperm` seeded with 42, whose
    /// first places are `dev`. So they are the very rows, as long as the files have their rows in the order of Hugging Face's
    /// `datasets`. They stay in the order of the file.
    Mpt,
}

/// What a split takes of its file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    /// All rows.
    Whole,
    /// The rows that a share held out of `train` has, or those that it leaves.
    HoldOut { share: f64, held: bool },
    /// The rows at the first places of the permutation, or all others.
    Drawn { count: Count, first: bool },
}

/// A number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    Half,
    Thousand,
}

impl Count {
    fn of(self, rows: usize) -> usize {
        match self {
            Self::Half => rows / 2,
            Self::Thousand => rows.min(1_000),
        }
    }
}

/// Seed of the permutations of Compacter and ATTEMPT.
const SEED: u32 = 42;

/// Which of so many rows are drawn.
pub(crate) fn drawn(rows: usize, count: Count, first: bool) -> Vec<bool> {
    let mut drawn = vec![!first; rows];
    for row in &torch_permutation(rows, SEED)[..count.of(rows)] {
        drawn[*row] = first;
    }
    drawn
}

impl Splits {
    /// Name in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mpt => "mpt",
        }
    }

    /// Whether the splits can be made of a task's files.
    pub(crate) fn check(self, config: &TaskConfig) -> Result<()> {
        let expected = match (self.way(config.format), config) {
            (None, _) => {
                return Err(Error::SplitsFormat { splits: self, format: config.format });
            }
            (_, TaskConfig { hold_out: Some(_), .. }) => "no `hold_out` beside it",
            (Some(Way::Halves), TaskConfig { dev: Some(_), test: None, .. })
            | (Some(Way::Thousand), TaskConfig { train: Some(_), dev: Some(_), test: None, .. })
            | (Some(Way::Files), TaskConfig { dev: Some(_), test: Some(_), .. }) => return Ok(()),
            (Some(Way::Halves), _) => "the official validation file as `dev`, and no `test`",
            (Some(Way::Thousand), _) => {
                "the official training file as `train`, the validation file as `dev`, and no `test`"
            }
            (Some(Way::Files), _) => {
                "the mismatched validation file as `dev` and the matched one as `test`"
            }
        };
        Err(Error::SplitsFiles { splits: self, expected })
    }

    /// The split whose file a split's rows are in, and which of them.
    pub(crate) fn part(self, format: Format, split: Split) -> (Split, Part) {
        let drawn = |count, first| Part::Drawn { count, first };
        match (self.way(format), split) {
            (Some(Way::Halves), Split::Dev) => (Split::Dev, drawn(Count::Half, true)),
            (Some(Way::Halves), Split::Test) => (Split::Dev, drawn(Count::Half, false)),
            (Some(Way::Thousand), Split::Train) => (Split::Train, drawn(Count::Thousand, false)),
            (Some(Way::Thousand), Split::Dev) => (Split::Train, drawn(Count::Thousand, true)),
            (Some(Way::Thousand), Split::Test) => (Split::Dev, Part::Whole),
            (_, split) => (split, Part::Whole),
        }
    }

    fn way(self, format: Format) -> Option<Way> {
        Some(match (self, format) {
            (Self::Mpt, Format::GlueQnli | Format::GlueQqp | Format::GlueSst2) => Way::Thousand,
            (Self::Mpt, Format::GlueMnli) => Way::Files,
            (
                Self::Mpt,
                Format::GlueCola
                | Format::GlueMrpc
                | Format::GlueRte
                | Format::GlueStsb
                | Format::GlueWnli
                | Format::SuperglueBoolq
                | Format::SuperglueCb
                | Format::SuperglueCopa
                | Format::SuperglueMultirc
                | Format::SuperglueRte
                | Format::SuperglueWic
                | Format::SuperglueWsc,
            ) => Way::Halves,
            _ => return None,
        })
    }
}

/// How a task's splits come about.
#[derive(Clone, Copy)]
enum Way {
    /// The validation file is cut in half.
    Halves,
    /// A thousand rows of the training file are for validation.
    Thousand,
    /// There is a file for each split.
    Files,
}
