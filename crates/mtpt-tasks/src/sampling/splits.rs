use serde::{Deserialize, Serialize};

use crate::data::format::Format;
use crate::sampling::torch_permutation::torch_permutation;
use crate::split::Split;

/// Published splits, made from the original files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Splits {
    /// Splits of Compacter (Mahabadi et al. 2021), ATTEMPT (Asai et al. 2022) and MPT (Wang et al.
    /// 2023). They exist because the test files of GLUE and SuperGLUE have no labels.
    ///
    /// | Tasks | `dev` | `test` |
    /// |---|---|---|
    /// | CoLA, MRPC, RTE, STS-B, WNLI, and all of SuperGLUE except ReCoRD | half of the file `dev`, rounded down | the other half |
    /// | QNLI, QQP, SST-2 | 1,000 rows of the file `train`, which are not trained on | the file `dev` |
    /// | MNLI | its file, which should be the mismatched one | its file, which should be the matched one |
    ///
    /// The rows are sampled like `attempt/data/tasks.py` of `AkariAsai/ATTEMPT`: `dev` is the first
    /// elements of `torch.randperm` with the seed 42. They are identical if the rows of the files
    /// are in the order of Hugging Face's `datasets`. The rows of a split stay in the order of the
    /// file.
    Mpt,
}

/// Part of a file that belongs to a split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Part {
    /// All rows.
    Whole,
    /// The rows held out of `train`, or the remaining ones.
    HoldOut { share: f64, held: bool },
    /// The rows that come first in the permutation, or the remaining ones.
    Sampled { count: Count, first: bool },
}

/// A number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Half of all rows, rounded down.
    Half,
    /// 1,000 rows.
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

/// Returns for each row whether it is sampled.
pub(crate) fn sampled(rows: usize, count: Count, first: bool) -> Vec<bool> {
    let mut sampled = vec![!first; rows];
    for row in &torch_permutation(rows, SEED)[..count.of(rows)] {
        sampled[*row] = first;
    }
    sampled
}

impl Splits {
    /// Returns the name in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mpt => "mpt",
        }
    }

    /// Returns the split whose file contains a split's rows, and the part of the file.
    pub(crate) fn part(self, format: Format, split: Split) -> (Split, Part) {
        let sampled = |count, first| Part::Sampled { count, first };
        match (self.source(format), split) {
            (Some(SplitSource::Halves), Split::Dev) => (Split::Dev, sampled(Count::Half, true)),
            (Some(SplitSource::Halves), Split::Test) => (Split::Dev, sampled(Count::Half, false)),
            (Some(SplitSource::Thousand), Split::Train) => {
                (Split::Train, sampled(Count::Thousand, false))
            }
            (Some(SplitSource::Thousand), Split::Dev) => {
                (Split::Train, sampled(Count::Thousand, true))
            }
            (Some(SplitSource::Thousand), Split::Test) => (Split::Dev, Part::Whole),
            (_, split) => (split, Part::Whole),
        }
    }

    /// Returns how the splits are made from a task's files, or `None` if they are not defined for
    /// its format.
    pub(crate) fn source(self, format: Format) -> Option<SplitSource> {
        Some(match (self, format) {
            (Self::Mpt, Format::GlueQnli | Format::GlueQqp | Format::GlueSst2) => {
                SplitSource::Thousand
            }
            (Self::Mpt, Format::GlueMnli) => SplitSource::Files,
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
            ) => SplitSource::Halves,
            _ => return None,
        })
    }
}

/// How a task's splits are made from its files.
#[derive(Clone, Copy)]
pub(crate) enum SplitSource {
    /// The validation file is halved.
    Halves,
    /// 1,000 rows of the training file are used for validation.
    Thousand,
    /// Each split has its own file.
    Files,
}

impl SplitSource {
    /// Returns whether these are the files that the splits are made from.
    pub(crate) fn accepts(self, has_file: impl Fn(Split) -> bool) -> bool {
        match (self, Split::ALL.map(has_file)) {
            (Self::Halves, [_, dev, test]) => dev && !test,
            (Self::Thousand, [train, dev, test]) => train && dev && !test,
            (Self::Files, [_, dev, test]) => dev && test,
        }
    }

    /// Describes the files that the splits are made from.
    pub(crate) fn expected_files(self) -> &'static str {
        match self {
            Self::Halves => "the official validation file as `dev`, and no `test`",
            Self::Thousand => {
                "the official training file as `train`, the validation file as `dev`, and no `test`"
            }
            Self::Files => "the mismatched validation file as `dev` and the matched one as `test`",
        }
    }
}
