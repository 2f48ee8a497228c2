use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::{Deserialize, Serialize};

/// Format of a data file.
///
/// The formats of GLUE are its original tab-separated files. They don't use quoting: a quote is an
/// ordinary character. Their columns have names that templates can contain:
///
/// | Format | Header line | Fields |
/// |---|---|---|
/// | `glue_cola` | no | `source`, `label`, `original_label`, `sentence` |
/// | `glue_mnli` | yes | as in the header: `sentence1` (premise), `sentence2` (hypothesis), `gold_label`, ... |
/// | `glue_mrpc` | yes | `label`, `id1`, `id2`, `sentence1`, `sentence2` |
/// | `glue_qnli` | yes | `index`, `question`, `sentence`, `label` |
/// | `glue_qqp` | yes | `id`, `qid1`, `qid2`, `question1`, `question2`, `is_duplicate`; the few rows with too few fields are skipped |
/// | `glue_rte` | yes | `index`, `sentence1`, `sentence2`, `label` |
/// | `glue_sst2` | yes | `sentence`, `label` |
/// | `glue_stsb` | yes | `index`, `genre`, `filename`, `year`, `old_index`, `source1`, `source2`, `sentence1`, `sentence2`, `score` |
/// | `glue_wnli` | yes | `index`, `sentence1`, `sentence2`, `label` |
/// | `tsv` | yes | as in the header; no quoting, unless the [`Dialect`](crate::data::Dialect) says otherwise |
/// | `csv` | yes | as in the header; separated by commas, quoted as in RFC 4180 |
/// | `csv_semicolon` | yes | as in the header; separated by semicolons, as written by spreadsheets in locales with a decimal comma |
/// | `json_lines` | no | the keys of each object; the objects may also be the items of an array |
/// | `parquet` | | the columns, with the feature `parquet`; fields of a structure are `structure.column`; row numbers take the place of line numbers |
///
/// These are the columns of the training and validation files. GLUE's test files have no labels and
/// other columns.
///
/// The formats of SuperGLUE are its original JSON Lines. In most of them a line is a row, and its
/// fields are the keys of the object. Three are nested:
///
/// | Format | Row | Fields |
/// |---|---|---|
/// | `superglue_boolq` | a line | `question`, `passage`, `idx`, `label` |
/// | `superglue_cb`, `superglue_rte` | a line | `premise`, `hypothesis`, `label`, `idx` |
/// | `superglue_copa` | a line | `premise`, `choice1`, `choice2`, `question`, `label`, `idx` |
/// | `superglue_multirc` | an answer | `paragraph`, `question`, `answer`, `question_id`, `answer_id`, `label`; texts without `<br>` and `<b>` |
/// | `superglue_record` | a query; in the training split, an answer | `passage`, `query`, `entities` (joined by commas), `candidates` (the same as a list), `query_id`, `answers` (a list) |
/// | `superglue_wic` | a line | `word`, `sentence1`, `sentence2`, `start1`, `end1`, ..., `label` |
/// | `superglue_wsc` | a line | `text`, `span1_text`, `span1_index`, `span2_text`, `span2_index`, `marked_text` (`* noun *`, `# pronoun #`), `pronoun_text` (`*pronoun*`), `idx`, `label` |
/// | `superglue_axb` | a line | `sentence1`, `sentence2`, `label`, `idx`, ... |
/// | `superglue_axg` | a line | `premise`, `hypothesis`, `label`, `idx`, `pair_id` |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// Corpus of Linguistic Acceptability.
    GlueCola,
    /// Multi-Genre Natural Language Inference. Training and validation files have different
    /// columns, which are taken from the header.
    GlueMnli,
    /// Microsoft Research Paraphrase Corpus.
    GlueMrpc,
    /// Question-answering natural language inference.
    GlueQnli,
    /// Quora Question Pairs.
    GlueQqp,
    /// Recognizing Textual Entailment.
    GlueRte,
    /// Stanford Sentiment Treebank.
    GlueSst2,
    /// Semantic Textual Similarity Benchmark.
    GlueStsb,
    /// Winograd natural language inference.
    GlueWnli,
    /// Tab-separated fields with a header line.
    Tsv,
    /// Comma-separated fields with a header line. A field in double quotes may contain commas and
    /// line breaks.
    Csv,
    /// Like [`Csv`](Self::Csv), separated by semicolons.
    CsvSemicolon,
    /// One JSON object per line, or an array of objects. Numbers and booleans are converted to text
    /// as they are written.
    #[serde(alias = "json")]
    JsonLines,
    /// Typed columns. Strings are text, numbers and booleans are converted to text as in JSON
    /// Lines, and lists of strings are several texts.
    Parquet,
    /// Yes/no questions about a passage.
    SuperglueBoolq,
    /// CommitmentBank.
    SuperglueCb,
    /// Choice of Plausible Alternatives.
    SuperglueCopa,
    /// Multi-Sentence Reading Comprehension: one row per answer.
    SuperglueMultirc,
    /// Reading Comprehension with Commonsense Reasoning: one row per query, or per answer in a
    /// training split.
    SuperglueRecord,
    /// Recognizing Textual Entailment.
    SuperglueRte,
    /// Word-in-Context.
    SuperglueWic,
    /// Winograd Schema Challenge.
    SuperglueWsc,
    /// Broad-coverage diagnostic set.
    SuperglueAxb,
    /// Winogender diagnostic set.
    SuperglueAxg,
}

/// Separator and quoting of the fields of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) separator: char,
    /// Whether fields may be enclosed in quotes.
    pub(crate) quoted: bool,
}

impl Fields {
    /// Returns the plural name of the separator.
    pub(crate) fn separators(self) -> &'static str {
        match self.separator {
            ',' => "commas",
            ';' => "semicolons",
            '\t' => "tabs",
            '|' => "vertical bars",
            _ => "the separator",
        }
    }
}

/// Columns of a delimited file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Columns {
    /// No header: the columns are fixed.
    Known(&'static [&'static str]),
    /// The header must equal the first list; the columns are renamed to the second.
    Renamed(&'static [&'static str], &'static [&'static str]),
    /// The header names the columns and must include these.
    Header(&'static [&'static str]),
}

impl Format {
    /// Returns whether the original files have truncated rows: QQP has three, which other readers
    /// skip too.
    pub(crate) fn has_broken_rows(self) -> bool {
        self == Self::GlueQqp
    }

    /// Returns whether this is a general format with delimited fields, whose header names them.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Tsv | Self::Csv | Self::CsvSemicolon)
    }

    /// Returns whether a line is a JSON object.
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

    /// Returns the separator and quoting, or `None` for a format without delimited fields.
    pub(crate) fn fields(self) -> Option<Fields> {
        Some(match self {
            _ if self.is_json() || self == Self::Parquet => return None,
            Self::Csv => Fields { separator: ',', quoted: true },
            Self::CsvSemicolon => Fields { separator: ';', quoted: true },
            _ => Fields { separator: '\t', quoted: false },
        })
    }

    /// Returns the format with a name in configurations, or `None` if there is none.
    pub fn of_name(name: &str) -> Option<Self> {
        let name: StrDeserializer<'_, ValueError> = name.into_deserializer();
        Self::deserialize(name).ok()
    }

    /// Returns the name in configurations.
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

    /// Returns the columns, or `None` for a format without delimited fields.
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
