use serde::{Deserialize, Serialize};

use crate::data::format::Format;
use crate::sampling::torch_permutation::torch_permutation;
use crate::split::Split;

/// Splits that others report their results on, made of the files that everybody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Splits {
    /// Those of Compacter (Mahabadi et al. 2021), ATTEMPT (Asai et al. 2022) and MPT (Wang et al.
    /// 2023), since GLUE's and SuperGLUE's own test files have no labels.
    ///
    /// | Tasks | `dev` | `test` |
    /// |---|---|---|
    /// | CoLA, MRPC, RTE, STS-B, WNLI, and all of SuperGLUE but ReCoRD | half of the file `dev`, rounded down | its other half |
    /// | QNLI, QQP, SST-2 | 1,000 rows of the file `train`, which are learned from no longer | the file `dev` |
    /// | MNLI | its file, which should be the mismatched one | its file, which should be the matched one |
    ///
    /// The rows are drawn as `attempt/data/tasks.py` of `AkariAsai/ATTEMPT` draws them:
    /// `torch.randperm` seeded with 42, whose first places are `dev`. So they are the very rows, as
    /// long as the files have their rows in the order of Hugging Face's `datasets`. They stay in
    /// the order of the file.
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
    Sampled { count: Count, first: bool },
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
pub(crate) fn sampled(rows: usize, count: Count, first: bool) -> Vec<bool> {
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

    /// The split whose file a split's rows are in, and which of them.
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
