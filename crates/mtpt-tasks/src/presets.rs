//! Defaults of the formats of GLUE and SuperGLUE.
//!
//! Templates and label words are those of T5 (Raffel et al. 2020, appendix D).

use crate::data::format::Format;
use crate::labels::config::LabelsConfig;
use crate::labels::scale::Scale;
use crate::metric::metric::Metric;

/// Defaults of a format: everything that a task definition may omit.
pub(crate) struct Preset {
    pub(crate) template: &'static str,
    pub(crate) label_field: &'static str,
    pub(crate) labels: LabelsConfig,
    pub(crate) metrics: Vec<Metric>,
}

impl Preset {
    /// Returns the defaults of a format, or `None` for a general format.
    pub(crate) fn of(format: Format) -> Option<Self> {
        use Metric::{Accuracy, ExactMatch, MacroF1, Matthews, Pearson, Spearman, SquadF1};
        let numbered = |no: &str, yes: &str| LabelsConfig::words([("0", no), ("1", yes)]);
        let same = |words: &[&str]| LabelsConfig::words(words.iter().map(|&word| (word, word)));
        let entailment = || same(&["entailment", "not_entailment"]);
        let boolean = || LabelsConfig::words([("false", "False"), ("true", "True")]);
        let f1 = |positive: &str| Metric::F1 { positive: positive.to_owned() };
        let (template, label_field, labels, metrics) = match format {
            Format::GlueCola => (
                "cola sentence: {sentence}",
                "label",
                numbered("unacceptable", "acceptable"),
                vec![Matthews],
            ),
            Format::GlueMnli => (
                "mnli hypothesis: {sentence2} premise: {sentence1}",
                "gold_label",
                same(&["entailment", "neutral", "contradiction"]),
                vec![Accuracy],
            ),
            Format::GlueMrpc => (
                "mrpc sentence1: {sentence1} sentence2: {sentence2}",
                "label",
                numbered("not_equivalent", "equivalent"),
                vec![f1("equivalent"), Accuracy],
            ),
            Format::GlueQnli => (
                "qnli question: {question} sentence: {sentence}",
                "label",
                entailment(),
                vec![Accuracy],
            ),
            Format::GlueQqp => (
                "qqp question1: {question1} question2: {question2}",
                "is_duplicate",
                numbered("not_duplicate", "duplicate"),
                vec![f1("duplicate"), Accuracy],
            ),
            Format::GlueRte => (
                "rte sentence1: {sentence1} sentence2: {sentence2}",
                "label",
                entailment(),
                vec![Accuracy],
            ),
            Format::GlueSst2 => (
                "sst2 sentence: {sentence}",
                "label",
                numbered("negative", "positive"),
                vec![Accuracy],
            ),
            Format::GlueStsb => (
                "stsb sentence1: {sentence1} sentence2: {sentence2}",
                "score",
                LabelsConfig::Regression(Scale::default()),
                vec![Pearson, Spearman],
            ),
            Format::GlueWnli => (
                "wnli sentence1: {sentence1} sentence2: {sentence2}",
                "label",
                numbered("not_entailment", "entailment"),
                vec![Accuracy],
            ),
            Format::SuperglueBoolq => (
                "boolq passage: {passage} question: {question}",
                "label",
                boolean(),
                vec![Accuracy],
            ),
            Format::SuperglueCb => (
                "cb hypothesis: {hypothesis} premise: {premise}",
                "label",
                same(&["entailment", "contradiction", "neutral"]),
                vec![MacroF1, Accuracy],
            ),
            Format::SuperglueCopa => (
                "copa choice1: {choice1} choice2: {choice2} premise: {premise} question: {question}",
                "label",
                numbered("choice1", "choice2"),
                vec![Accuracy],
            ),
            Format::SuperglueMultirc => (
                "multirc question: {question} answer: {answer} paragraph: {paragraph}",
                "label",
                numbered("False", "True"),
                vec![
                    Metric::F1a { positive: "True".to_owned() },
                    Metric::GroupExactMatch { group: "{question_id}".to_owned() },
                ],
            ),
            Format::SuperglueRecord => (
                "record query: {query} entities: {entities} passage: {passage}",
                "answers",
                LabelsConfig::text(),
                vec![SquadF1, ExactMatch],
            ),
            Format::SuperglueRte | Format::SuperglueAxg => (
                "rte hypothesis: {hypothesis} premise: {premise}",
                "label",
                entailment(),
                vec![Accuracy],
            ),
            Format::SuperglueWic => (
                "wic sentence1: {sentence1} sentence2: {sentence2} word: {word}",
                "label",
                boolean(),
                vec![Accuracy],
            ),
            Format::SuperglueWsc => ("wsc text: {marked_text}", "label", boolean(), vec![Accuracy]),
            Format::SuperglueAxb => (
                "rte sentence1: {sentence1} sentence2: {sentence2}",
                "label",
                entailment(),
                vec![Matthews],
            ),
            Format::Tsv
            | Format::Csv
            | Format::CsvSemicolon
            | Format::JsonLines
            | Format::Parquet => return None,
        };
        Some(Self { template, label_field, labels, metrics })
    }
}
