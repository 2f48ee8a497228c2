use serde::{Deserialize, Serialize};

/// How the rows of a file are written.
///
/// The formats of GLUE are its original tab-separated files, where quotes are characters like any
/// other. Their columns get names that a template can hold:
///
/// | Format | Header line | Fields |
/// |---|---|---|
/// | `glue_cola` | no | `source`, `label`, `original_label`, `sentence` |
/// | `glue_mnli` | yes | as the header: `sentence1` (premise), `sentence2` (hypothesis), `gold_label`, ... |
/// | `glue_mrpc` | yes | `label`, `id1`, `id2`, `sentence1`, `sentence2` |
/// | `glue_qnli` | yes | `index`, `question`, `sentence`, `label` |
/// | `glue_qqp` | yes | `id`, `qid1`, `qid2`, `question1`, `question2`, `is_duplicate`; the few rows that have too few fields are passed over |
/// | `glue_rte` | yes | `index`, `sentence1`, `sentence2`, `label` |
/// | `glue_sst2` | yes | `sentence`, `label` |
/// | `glue_stsb` | yes | `index`, `genre`, `filename`, `year`, `old_index`, `source1`, `source2`, `sentence1`, `sentence2`, `score` |
/// | `glue_wnli` | yes | `index`, `sentence1`, `sentence2`, `label` |
/// | `tsv` | yes | as the header; quotes are characters like any other |
/// | `csv` | yes | as the header; separated by commas, quotes as in RFC 4180 |
/// | `csv_semicolon` | yes | as the header; separated by semicolons, as spreadsheets write them where the comma is decimal |
/// | `json_lines` | no | the keys of each object |
/// | `parquet` | | the columns, with the feature `parquet`; those of a structure as `structure.column`; a place is the number of a row |
///
/// These are the columns of the training and development files; GLUE's test files have no labels
/// and other columns.
///
/// The formats of SuperGLUE are its original JSON Lines. Most have a row a line, whose fields are
/// the object's keys; three have values one in another:
///
/// | Format | A row | Fields |
/// |---|---|---|
/// | `superglue_boolq` | a line | `question`, `passage`, `idx`, `label` |
/// | `superglue_cb`, `superglue_rte` | a line | `premise`, `hypothesis`, `label`, `idx` |
/// | `superglue_copa` | a line | `premise`, `choice1`, `choice2`, `question`, `label`, `idx` |
/// | `superglue_multirc` | an answer | `paragraph`, `question`, `answer`, `question_id`, `answer_id`, `label`; texts without `<br>` and `<b>` |
/// | `superglue_record` | a query; in a training split, an answer | `passage`, `query`, `entities` (joined by commas), `candidates` (the same as several texts), `query_id`, `answers` (several texts) |
/// | `superglue_wic` | a line | `word`, `sentence1`, `sentence2`, `start1`, `end1`, ..., `label` |
/// | `superglue_wsc` | a line | `text`, `span1_text`, `span1_index`, `span2_text`, `span2_index`, `marked_text` (`* noun *`, `# pronoun #`), `pronoun_text` (`*pronoun*`), `idx`, `label` |
/// | `superglue_axb` | a line | `sentence1`, `sentence2`, `label`, `idx`, ... |
/// | `superglue_axg` | a line | `premise`, `hypothesis`, `label`, `idx`, `pair_id` |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// The corpus of linguistic acceptability.
    GlueCola,
    /// Multi-genre natural language inference. Training and development files differ in their
    /// columns, so the header rules.
    GlueMnli,
    /// The Microsoft research paraphrase corpus.
    GlueMrpc,
    /// Question answering as inference.
    GlueQnli,
    /// Quora question pairs.
    GlueQqp,
    /// Recognising textual entailment.
    GlueRte,
    /// The Stanford sentiment treebank.
    GlueSst2,
    /// The semantic textual similarity benchmark.
    GlueStsb,
    /// Winograd schemas as inference.
    GlueWnli,
    /// Fields separated by tabs, their names in the first line.
    Tsv,
    /// Fields separated by commas, their names in the first line; a field in double quotes may hold
    /// commas and line breaks.
    Csv,
    /// As [`Csv`](Self::Csv), with semicolons.
    CsvSemicolon,
    /// One JSON object a line. Numbers and truth values become text as they are written.
    JsonLines,
    /// Columns of values with types. Strings are text, numbers and truth values become text as in
    /// JSON Lines, and lists of strings are several texts.
    Parquet,
    /// Questions on a passage, answered by yes or no.
    SuperglueBoolq,
    /// The CommitmentBank.
    SuperglueCb,
    /// The choice of plausible alternatives.
    SuperglueCopa,
    /// Multi-sentence reading comprehension: a row for each answer.
    SuperglueMultirc,
    /// Reading comprehension with commonsense reasoning: a row for each query, or for each answer
    /// of a training split.
    SuperglueRecord,
    /// Recognising textual entailment.
    SuperglueRte,
    /// Words in context.
    SuperglueWic,
    /// The Winograd schema challenge.
    SuperglueWsc,
    /// The broad-coverage diagnostic set.
    SuperglueAxb,
    /// The gender-parity diagnostic set.
    SuperglueAxg,
}

/// How the fields of a row are set apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) separator: char,
    /// Whether quotes around a field are no part of it.
    pub(crate) quoted: bool,
}

impl Fields {
    /// The separator's name, of many.
    pub(crate) fn separators(self) -> &'static str {
        match self.separator {
            ',' => "commas",
            ';' => "semicolons",
            _ => "tabs",
        }
    }
}

/// The columns of a file with fields.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns {
    /// There is no header; the columns are known.
    Known(&'static [&'static str]),
    /// The header must be the first list; the columns get the names of the second.
    Renamed(&'static [&'static str], &'static [&'static str]),
    /// The header names the columns, and must name these.
    Header(&'static [&'static str]),
}

impl Format {
    /// Whether the original files have rows that end too early: those of QQP have three, which
    /// other readers pass over too.
    pub(crate) fn has_broken_rows(self) -> bool {
        self == Self::GlueQqp
    }

    /// Whether a line is an object.
    pub(crate) fn is_json(self) -> bool {
        matches!(
            self,
            Self::JsonLines
                | Self::SuperglueBoolq
                | Self::SuperglueCb
                | Self::SuperglueCopa
                | Self::SuperglueMultirc
                | Self::SuperglueRecord
                | Self::SuperglueRte
                | Self::SuperglueWic
                | Self::SuperglueWsc
                | Self::SuperglueAxb
                | Self::SuperglueAxg
        )
    }

    /// How the fields of a row are set apart, or none for a format that has no columns.
    pub(crate) fn fields(self) -> Option<Fields> {
        Some(match self {
            _ if self.is_json() || self == Self::Parquet => return None,
            Self::Csv => Fields { separator: ',', quoted: true },
            Self::CsvSemicolon => Fields { separator: ';', quoted: true },
            _ => Fields { separator: '\t', quoted: false },
        })
    }

    /// For a header that is but one column in this format: the separator that it seems to have, and
    /// the format that reads it.
    pub(crate) fn other_separator(self, header: &str) -> Option<(char, Self)> {
        let general = [Self::Csv, Self::CsvSemicolon, Self::Tsv];
        let own = self.fields()?.separator;
        let others = general.into_iter().filter_map(|format| {
            let separator = format.fields()?.separator;
            (separator != own && header.contains(separator)).then_some((separator, format))
        });
        general.contains(&self).then_some(others).into_iter().flatten().next()
    }

    /// Name in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GlueCola => "glue_cola",
            Self::GlueMnli => "glue_mnli",
            Self::GlueMrpc => "glue_mrpc",
            Self::GlueQnli => "glue_qnli",
            Self::GlueQqp => "glue_qqp",
            Self::GlueRte => "glue_rte",
            Self::GlueSst2 => "glue_sst2",
            Self::GlueStsb => "glue_stsb",
            Self::GlueWnli => "glue_wnli",
            Self::Tsv => "tsv",
            Self::Csv => "csv",
            Self::CsvSemicolon => "csv_semicolon",
            Self::JsonLines => "json_lines",
            Self::Parquet => "parquet",
            Self::SuperglueBoolq => "superglue_boolq",
            Self::SuperglueCb => "superglue_cb",
            Self::SuperglueCopa => "superglue_copa",
            Self::SuperglueMultirc => "superglue_multirc",
            Self::SuperglueRecord => "superglue_record",
            Self::SuperglueRte => "superglue_rte",
            Self::SuperglueWic => "superglue_wic",
            Self::SuperglueWsc => "superglue_wsc",
            Self::SuperglueAxb => "superglue_axb",
            Self::SuperglueAxg => "superglue_axg",
        }
    }

    /// The columns, or none for a format without them.
    pub(crate) fn columns(self) -> Option<Columns> {
        let inference = &["index", "sentence1", "sentence2", "label"];
        Some(match self {
            Self::GlueCola => Columns::Known(&["source", "label", "original_label", "sentence"]),
            Self::GlueMnli => Columns::Header(&["sentence1", "sentence2", "gold_label"]),
            Self::GlueMrpc => Columns::Renamed(
                &["Quality", "#1 ID", "#2 ID", "#1 String", "#2 String"],
                &["label", "id1", "id2", "sentence1", "sentence2"],
            ),
            Self::GlueQnli => Columns::Header(&["index", "question", "sentence", "label"]),
            Self::GlueQqp => {
                Columns::Header(&["id", "qid1", "qid2", "question1", "question2", "is_duplicate"])
            }
            Self::GlueRte | Self::GlueWnli => Columns::Header(inference),
            Self::GlueSst2 => Columns::Header(&["sentence", "label"]),
            Self::GlueStsb => Columns::Header(&["sentence1", "sentence2", "score"]),
            Self::Tsv | Self::Csv | Self::CsvSemicolon => Columns::Header(&[]),
            _ => return None,
        })
    }
}
